"""gensim's tutorials of Doc2Vec: on the Lee corpus, and the paragraph vectors of reviews, here of the SST."""

from client import Client

CLIENT = Client(
    "gensim_doc2vec",
    "gensim",
    (),
    modules=("numpy",),
    data=("interop/lee_background.cor", "sst/train.txt", "sst/dev.txt"),
)
