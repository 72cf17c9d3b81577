"""Lbl2Vec: labels of texts by keywords. 1.0 is the last release whose package needs no torch."""

from client import Client

CLIENT = Client(
    "lbl2vec_labels",
    "lbl2vec",
    ("pandas<3", "numpy<2.4", "scikit-learn", "psutil", "swifter"),
    alone=("lbl2vec==1.0",),
    changed=("lbl2vec",),
    modules=("lbl2vec", "swifter"),
    note="with negative=0; its default trains two objectives at once, which firth refuses",
)
