"""Top2Vec: topics of texts by vectors of documents and words. 1.0.34 is the last release that needs no torch."""

from client import Client

CLIENT = Client(
    "top2vec_topics",
    "top2vec",
    ("umap-learn", "hdbscan", "scikit-learn", "pandas", "wordcloud"),
    alone=("top2vec==1.0.34",),
    changed=("top2vec",),
    modules=("top2vec", "umap", "hdbscan", "wordcloud"),
    note="in its doc2vec mode",
)
