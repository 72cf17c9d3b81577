"""nodevectors: its Node2Vec on the karate club, with its defaults; nodes of one faction are near each other."""

from __future__ import annotations

import warnings

import networkx
import numpy as np
from nodevectors import Node2Vec
from nodevectors import node2vec as module

assert module.gensim.__name__ == "firth.compat.gensim"
assert module.gensim.models.word2vec.FAST_VERSION >= 0

graph = networkx.karate_club_graph()
clubs = np.array([graph.nodes[node]["club"] == "Officer" for node in graph])
np.random.seed(1)  # its walks
model = Node2Vec(n_components=32, walklen=20, threads=1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it gives `size` and `iter`, which gensim 4 no longer takes
    embedding = model.fit_transform(graph)
assert embedding.shape == (34, 32)
assert type(model.model).__module__.startswith("firth."), type(model.model)
assert np.array_equal(model.predict(3), model.model.wv["3"])
units = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
cosines = units @ units.T
same = clubs[:, None] == clubs[None, :]
assert cosines[same & ~np.eye(34, dtype=bool)].mean() > cosines[~same].mean() + 0.05
model.save_vectors("nodes.txt")
assert module.gensim.models.KeyedVectors.load_word2vec_format("nodes.txt").vectors.shape == (34, 32)
