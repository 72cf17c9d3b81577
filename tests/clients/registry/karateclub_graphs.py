"""Karate Club: vectors of the nodes of graphs. It pins NumPy below 1.23, which Python 3.11 has no wheel of."""

from client import Client

CLIENT = Client(
    "karateclub_graphs",
    "karateclub",
    ("networkx<3", "scikit-learn", "scipy", "pandas", "tqdm", "numpy<2", "six", "python-louvain", "levenshtein"),
    alone=("karateclub==1.3.3", "pygsp"),
    changed=("karateclub",),
    modules=("karateclub", "networkx"),
)
