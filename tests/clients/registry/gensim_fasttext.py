"""gensim's tutorial of FastText: its calls in their order, on the Lee corpus."""

from client import Client

CLIENT = Client("gensim_fasttext", "gensim", (), modules=("numpy",), data=("interop/lee_background.cor",))
