"""PecanPy by its command line and by its defaults: no seed is given, so it gives the trainer `seed=None`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from pecanpy import cli, pecanpy

assert cli.Word2Vec.__module__.startswith("firth."), cli.Word2Vec

EDGES = ["1-2", "1-3", "1-4", "2-3", "2-4", "3-4", "4-5", "5-6", "5-7", "6-7", "5-8", "6-8", "7-8"]
Path("graph.edg").write_text("\n".join("\t".join(edge.split("-")) for edge in EDGES) + "\n")

for mode, more in (("SparseOTF", []), ("PreComp", ["--q", "0.5", "--random_state", "1"])):
    output = f"{mode}.emb"
    sys.argv = ["pecanpy", "--input", "graph.edg", "--output", output, "--mode", mode, *more]
    cli.main()
    vectors = KeyedVectors.load_word2vec_format(output)
    assert sorted(vectors.index_to_key) == list("12345678")
    assert vectors.vectors.shape == (8, 128)
    assert np.isfinite(vectors.vectors).all()

sys.argv = ["pecanpy", "--input", "graph.edg", "--output", "graph.npz", "--dimensions", "16"]
cli.main()
saved = np.load("graph.npz")
assert sorted(saved["IDs"].tolist()) == list("12345678")
assert saved["data"].shape == (8, 16)

graph = pecanpy.SparseOTF(p=1, q=1)
graph.read_edg("graph.edg", weighted=False, directed=False)
first, second = graph.embed(), graph.embed()
assert first.shape == (8, 128)
assert not np.array_equal(first, second), "without a seed each call draws anew"
