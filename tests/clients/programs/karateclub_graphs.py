"""Karate Club on its own graph: its node embeddings that train word2vec; nodes of one faction are near each other."""

from __future__ import annotations

import warnings

import networkx
import numpy as np
from karateclub import ASNE, DeepWalk, Diff2Vec, Graph2Vec, Node2Vec, Role2Vec, Walklets
from karateclub.node_embedding.neighbourhood import deepwalk
from scipy.sparse import coo_matrix

assert deepwalk.Word2Vec.__module__.startswith("firth."), deepwalk.Word2Vec

graph = networkx.karate_club_graph()
clubs = np.array([graph.nodes[node]["club"] == "Officer" for node in graph])
same = clubs[:, None] == clubs[None, :]
others = ~np.eye(len(clubs), dtype=bool)
models = [
    (DeepWalk(dimensions=32, epochs=3, seed=1), 32),
    (Node2Vec(dimensions=32, epochs=3, seed=1), 32),
    (Walklets(dimensions=16, window_size=3, epochs=3, seed=1), 48),
    (Diff2Vec(dimensions=32, diffusion_number=20, diffusion_cover=20, epochs=5, seed=1), 32),
]
for model, n_dims in models:
    name = type(model).__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # hs=1 without negative=0
        model.fit(graph)
        embedding = model.get_embedding()
    assert embedding.shape == (34, n_dims), name
    units = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    cosines = units @ units.T
    assert cosines[same & others].mean() > cosines[~same].mean() + 0.05, name
    print(name, round(cosines[same & others].mean() - cosines[~same].mean(), 3))

# Its other algorithms train Doc2Vec, which firth does not have: they say so.
features = coo_matrix(np.eye(34))
for model, call in (
    (Role2Vec(), lambda model: model.fit(graph)),
    (ASNE(), lambda model: model.fit(graph, features)),
    (Graph2Vec(), lambda model: model.fit([graph, graph])),
):
    message = ""
    try:
        call(model)
    except ImportError as error:
        message = str(error)
    assert "is not in firth" in message, type(model).__name__
