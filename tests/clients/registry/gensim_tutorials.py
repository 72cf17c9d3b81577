"""gensim's tutorials of word2vec: their calls in their order, on the Lee corpus."""

from client import Client

CLIENT = Client("gensim_tutorials", "gensim", (), modules=("numpy",), data=("interop/lee_background.cor",))
