"""compress-fasttext: small models of gensim's FastText, by pruning, quantization and decomposition."""

from client import Client

CLIENT = Client(
    "compress_fasttext",
    "compress-fasttext",
    ("compress-fasttext==0.1.5", "scikit-learn"),
    changed=("compress_fasttext",),
    modules=("compress_fasttext",),
    data=("interop/crime-and-punishment.bin",),
    note="save of its own matrices is refused, pickle keeps them",
)
