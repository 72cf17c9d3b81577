"""The calls that Karate Club 1.3.3 makes (it pins NumPy below 1.23): DeepWalk, Node2Vec, Walklets, Diff2Vec."""

import random
import warnings

import networkx as nx
import numpy as np
from gensim.models.word2vec import Word2Vec

graph = nx.karate_club_graph()
random.seed(42)


def walk(start, length=80):
    nodes = [start]
    while len(nodes) < length:
        nodes.append(random.choice(list(graph.neighbors(nodes[-1]))))
    return [str(node) for node in nodes]


walks = [walk(node) for node in graph.nodes() for _ in range(10)]
common = {"alpha": 0.05, "epochs": 1, "vector_size": 128, "window": 5, "min_count": 1, "workers": 4, "seed": 42}


def get_embedding(model):
    return np.array([model.wv[str(node)] for node in range(graph.number_of_nodes())])


with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # hs=1 without negative=0
    deepwalk = Word2Vec(walks, hs=1, **common)
    diff2vec = Word2Vec(walks, hs=1, **common)
node2vec = Word2Vec(walks, **common)
walklets = [Word2Vec([w[offset::2] for w in walks for offset in range(2)], hs=0, **common) for _ in range(2)]
for model in (deepwalk, diff2vec, node2vec, *walklets):
    embedding = get_embedding(model)
    assert embedding.shape == (34, 128)
    assert np.isfinite(embedding).all()
