"""spec2vec: vectors of mass spectra."""

from client import Client

CLIENT = Client(
    "spec2vec_spectra", "spec2vec", ("spec2vec", "matchms<0.25"), changed=("spec2vec",), modules=("spec2vec", "matchms")
)
