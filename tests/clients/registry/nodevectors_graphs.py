"""nodevectors: vectors of the nodes of graphs. Its releases pin old networkx."""

from client import Client

CLIENT = Client(
    "nodevectors_graphs",
    "nodevectors",
    ("networkx<3", "numba", "pandas", "scipy", "scikit-learn", "tqdm", "setuptools<81"),
    alone=("nodevectors<0.2", "csrgraph"),
    changed=("nodevectors",),
    modules=("nodevectors", "csrgraph"),
)
