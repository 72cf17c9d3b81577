"""whatlies: sets of vectors and their plots. It pins gensim 3.8, which Python 3.11 does not have."""

from client import Client

CLIENT = Client(
    "whatlies_sets",
    "whatlies",
    ("numpy<2", "scikit-learn", "pandas", "altair", "matplotlib", "sentencepiece", "requests", "tqdm"),
    alone=("whatlies==0.7.0", "bpemb"),
    changed=("whatlies", "bpemb"),
    modules=("whatlies", "altair"),
)
