"""Karate Club: all its embeddings that train word2vec or Doc2Vec, of the nodes of its own graph and of whole graphs."""

from __future__ import annotations

import warnings

import networkx
import numpy as np
from karateclub import AE, ASNE, MUSAE, DeepWalk, Diff2Vec, GL2Vec, Graph2Vec, Node2Vec, Role2Vec, Walklets
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


def mean_cosines(embedding: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """The mean cosine within classes and between them."""
    units = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    cosines, alike = units @ units.T, classes[:, None] == classes[None, :]
    return float(cosines[alike & ~np.eye(len(classes), dtype=bool)].mean()), float(cosines[~alike].mean())


# Those that train Doc2Vec. The nodes' attributes: two of their faction, two of all.
degrees = np.array([degree for _, degree in networkx.karate_club_graph().degree()])  # without Karate Club's loops
rng = np.random.default_rng(1)
columns = [np.concatenate([rng.choice(20, 2, replace=False) + 20 * club, 40 + rng.choice(20, 2)]) for club in clubs]
rows = np.repeat(np.arange(34), 4)
features = coo_matrix((np.ones(136), (rows, np.concatenate(columns))), shape=(34, 60))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # docvecs
    for model, call, n_dims in (
        (ASNE(dimensions=32, down_sampling=0, seed=1), lambda model: model.fit(graph, features), 32),
        (AE(dimensions=16, epochs=3, down_sampling=0.01, seed=1), lambda model: model.fit(graph, features), 32),
        (MUSAE(dimensions=16, epochs=3, down_sampling=0.01, seed=1), lambda model: model.fit(graph, features), 64),
        (Role2Vec(dimensions=32, epochs=3, down_sampling=0.01, seed=1), lambda model: model.fit(graph), 32),
    ):
        name = type(model).__name__
        call(model)
        embedding = np.array(model.get_embedding())
        assert embedding.shape == (34, n_dims), name
        assert np.isfinite(embedding).all(), name
        classes = clubs
        if name == "Role2Vec":  # it finds roles and no factions: the nodes of many edges, and those of two
            chosen = (degrees >= 9) | (degrees == 2)
            embedding, classes = embedding[chosen], degrees[chosen] >= 9
        within, between = mean_cosines(embedding, classes)
        assert within > between + 0.01, (name, within, between)
        print(name, round(within - between, 3))

    # Graphs of two kinds: random ones, and trees that grow at their busiest nodes.
    graphs = [networkx.gnp_random_graph(40, 0.1, seed=k) for k in range(30)]
    graphs += [networkx.barabasi_albert_graph(40, 1, seed=k) for k in range(30)]
    kinds = np.arange(60) >= 30
    for model in (
        Graph2Vec(dimensions=32, epochs=40, down_sampling=0.01, min_count=2, seed=1),
        GL2Vec(dimensions=32, epochs=40, down_sampling=0.01, min_count=2, seed=1),
    ):
        name = type(model).__name__
        model.fit(graphs)
        embedding = np.array(model.get_embedding())
        assert embedding.shape == (60, 32), name
        within, between = mean_cosines(embedding, kinds)
        assert within > between + 0.1, (name, within, between)
        print(name, round(within - between, 3))
        if name == "Graph2Vec":
            inferred = np.array(model.infer([graphs[0], graphs[-1]]))
            units = inferred / np.linalg.norm(inferred, axis=1, keepdims=True)
            near = units @ (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).T
            assert near[0, ~kinds].mean() > near[0, kinds].mean()
            assert near[1, kinds].mean() > near[1, ~kinds].mean()
