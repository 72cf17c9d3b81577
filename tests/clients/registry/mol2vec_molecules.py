"""mol2vec: vectors of molecules from their substructures."""

from client import Client

CLIENT = Client(
    "mol2vec_molecules",
    "mol2vec",
    ("rdkit", "pandas", "joblib", "tqdm"),
    alone=("mol2vec==0.2.2",),
    changed=("mol2vec",),
    modules=("mol2vec", "rdkit"),
)
