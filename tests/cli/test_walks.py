"""Room tests/cli: ``firth walks``: vectors of nodes, walks as text, and graphs that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import firth

EDGES = [(a + s, b + s) for s in (0, 10) for a in range(10) for b in range(a)] + [(0, 10)]


@pytest.fixture(name="graph")
def write_graph(tmp_path: Path) -> Path:
    path = tmp_path / "graph.edgelist"
    path.write_text("".join(f"{first} {second}\n" for first, second in EDGES), encoding="utf-8")
    return path


def test_vectors_of_nodes(run, graph: Path) -> None:
    options = ("--walk-length", 40, "--dims", 8, "--window", 5, "--epochs", 3, "--threads", 1, "--seed", 4)
    done = run("walks", graph, "-o", "model", "-p", 0.5, "-q", 2, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == (
        "20 nodes x 8 dims from 200 walks of 40 nodes (p=0.5, q=2; window=5, epochs=3, min_count=1, subsample=0);"
        " saved to model"
    )
    near = json.loads(run("neighbors", "model", "5", "-n", 9, "--json").stdout)["neighbors"]
    assert sorted(neighbor["word"] for neighbor in near) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    walks = firth.Walks(np.array(EDGES), p=0.5, q=2.0, walk_length=40, seed=4)
    same = firth.train(walks, dims=8, window=5, epochs=3, seed=4, min_count=1, subsample=0, threads=1, progress=False)
    assert np.array_equal(firth.load("model").vectors.matrix, same.vectors.matrix)
    refused = run("walks", graph, "-o", "model")
    assert (refused.returncode, "--overwrite" in refused.stderr) == (2, True)


def test_walks_as_text(run, graph: Path) -> None:
    done = run("walks", graph, "--text", "walks.txt", "--walks-per-node", 2, "--walk-length", 7, "-q", 4, "--json")
    assert json.loads(done.stdout) == {"walks": 40, "nodes": 20, "text": "walks.txt"}
    written = [[int(node) for node in line.split()] for line in Path("walks.txt").read_text().splitlines()]
    assert written == list(firth.Walks(graph, walks_per_node=2, walk_length=7, q=4.0))
    before = graph.read_bytes()
    refused = run("walks", graph, "--text", graph)
    assert (refused.returncode, graph.read_bytes()) == (2, before)
    assert f"{graph} exists; choose another name, or give --overwrite" in refused.stderr
    assert run("walks", graph, "--text", "walks.txt", "--walks-per-node", 1, "--overwrite").returncode == 0


def test_nodes_with_white_space_are_no_text(run) -> None:
    Path("graph.csv").write_text("new york,rome\n", encoding="utf-8")
    done = run("walks", "graph.csv", "--text", "walks.txt")
    assert done.returncode == 2
    assert "--text must be left out if the name of a node has white space" in done.stderr
    assert not Path("walks.txt").exists()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("0 1 -2\n", ["-o", "model"], "weights of edges must be finite and at least 0, got -2"),
        ("0 1 nan\n", ["-o", "model"], "weights of edges must be finite and at least 0, got nan"),
        ("", ["-o", "model"], "graph must have at least one edge, got none"),
        ("0 1\n", ["-o", "model", "-p", "0"], "p must be above 0"),
        ("0 1\n", ["-o", "model", "-q", "-1"], "q must be above 0"),
        ("0 1\n", ["-o", "model", "--walk-length", "1"], "--walk-length must be at least 2, got 1"),
        ("0 1\n", [], "--output must be given, or"),
        ("0 1\n", ["-o", "model", "--text", "walks.txt"], "and not both"),
    ],
)
def test_bad_graphs_and_flags(run, text: str, options: list[str], message: str) -> None:
    Path("graph.txt").write_text(text, encoding="utf-8")
    done = run("walks", "graph.txt", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not Path("model").exists()
    assert not Path("walks.txt").exists()


def test_tables_and_adjacency_lists(run, tmp_path: Path) -> None:
    Path("edges.tsv").write_text("from\tto\n" + "".join(f"{a}\t{b}\n" for a, b in EDGES), encoding="utf-8")
    Path("graph.adjlist").write_text("".join(f"{a} {b}\n" for a, b in EDGES), encoding="utf-8")
    Path("graph.edgelist").write_text("".join(f"{a} {b}\n" for a, b in EDGES), encoding="utf-8")
    sources = [("edges.tsv", "--columns", "from, to"), ("graph.adjlist",), ("graph.edgelist",)]
    for number, source in enumerate(sources):
        done = run("walks", *source, "--text", f"{number}.txt", "--walk-length", 9)
        assert done.returncode == 0, done.stderr
    assert Path("0.txt").read_text() == Path("1.txt").read_text() == Path("2.txt").read_text()
    refused = run("walks", "edges.tsv", "--text", "3.txt")
    assert (refused.returncode, "name the columns of a table" in " ".join(refused.stderr.split())) == (2, True)
