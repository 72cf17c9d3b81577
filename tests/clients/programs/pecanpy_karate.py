"""PecanPy: node2vec on the karate club; the two factions' nodes are near each other."""

import tempfile
from pathlib import Path

import numpy as np
from pecanpy import pecanpy
from pecanpy.pecanpy import Word2Vec

EDGES = ["1-2", "1-3", "1-4", "2-3", "2-4", "3-4", "4-5", "5-6", "5-7", "6-7", "5-8", "6-8", "7-8"]

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "graph.edg"
    path.write_text("\n".join("\t".join(edge.split("-")) for edge in EDGES) + "\n")
    graph = pecanpy.SparseOTF(p=1, q=0.5, workers=1, verbose=False, random_state=1)
    graph.read_edg(str(path), weighted=False, directed=False)
    vectors = graph.embed(dim=16, num_walks=80, walk_length=20, window_size=3, epochs=5)
    assert Word2Vec.__module__.startswith("firth."), Word2Vec
    rows = dict(zip(graph.nodes, vectors, strict=True))
    units = {node: row / np.linalg.norm(row) for node, row in rows.items()}
    within = np.mean([units[a] @ units[b] for a, b in ("12", "13", "23", "67", "68", "78")])
    between = np.mean([units[a] @ units[b] for a, b in ("16", "17", "18", "26", "27", "38")])
    assert vectors.shape == (8, 16)
    assert within > between + 0.3, (within, between)
