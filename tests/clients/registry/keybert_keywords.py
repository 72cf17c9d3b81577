"""KeyBERT: keywords of texts by vectors of words, which replace those of sentence-transformers."""

from client import Client

CLIENT = Client(
    "keybert_keywords",
    "keybert",
    ("scikit-learn", "tqdm", "packaging"),
    alone=("keybert==0.9.0",),
    changed=("keybert",),
    modules=("keybert", "sklearn"),
)
