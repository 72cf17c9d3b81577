"""WEFE: tests and removal of bias of word vectors."""

from client import Client

CLIENT = Client(
    "wefe_fairness",
    "wefe",
    ("wefe==1.0.1",),
    changed=("wefe",),
    modules=("wefe",),
)
