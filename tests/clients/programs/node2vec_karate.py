"""The node2vec package, as its README uses it: walks, fit, most_similar, files, edge vectors."""

import tempfile
from pathlib import Path

import networkx
from node2vec import Node2Vec
from node2vec.edges import HadamardEmbedder

graph = networkx.karate_club_graph()
node2vec = Node2Vec(graph, dimensions=16, walk_length=20, num_walks=30, workers=1, quiet=True, seed=1)
model = node2vec.fit(window=10, min_count=1, batch_words=4, seed=1)
assert type(model).__module__.startswith("firth."), type(model)
nearest = model.wv.most_similar("2")
assert len(nearest) == 10
assert "2" not in dict(nearest)
with tempfile.TemporaryDirectory() as folder:
    name = str(Path(folder) / "embedding")
    model.wv.save_word2vec_format(name)
    model.save(name + ".model")
    assert type(model).load(name + ".model").wv.most_similar("2") == nearest
    edges = HadamardEmbedder(keyed_vectors=model.wv)
    assert edges[("1", "2")].shape == (16,)
    edges_keyed_vectors = edges.as_keyed_vectors()
    assert len(edges_keyed_vectors.most_similar(str(("1", "2")))) == 10
