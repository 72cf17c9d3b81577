"""fastText's own unit tests of its Python module, from its wheel."""

from client import Client

CLIENT = Client(
    "fasttext_own_tests",
    "fasttext-numpy2-wheel",
    ("fasttext-numpy2-wheel==0.9.2",),
    changed=("fasttext",),
    modules=("fasttext",),
)
