"""node2vec: walks on a graph and their vectors. It asks for the version of the gensim that is installed."""

from client import Client

CLIENT = Client("node2vec_karate", "node2vec", ("node2vec",), changed=("node2vec",), modules=("node2vec", "gensim"))
