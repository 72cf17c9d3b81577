"""Graphs of every kind become the same form; bad graphs have their own errors."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from firth.corpus.graphs import Graph, read_graph
from firth.errors import CorpusError, CorpusTypeError, FirthError, FormatError, ShapeError, StorageError

# 0 - 1 - 2 - 0 and 2 - 3, with the weights 2, 3, 4 and 0.5
EDGES = [(0, 1, 2.0), (1, 2, 3.0), (2, 0, 4.0), (2, 3, 0.5)]
STARTS, NEIGHBORS = [0, 2, 4, 7, 8], [1, 2, 0, 2, 0, 1, 3, 2]
WEIGHTS = [2, 4, 2, 3, 4, 3, 0.5, 0.5]


class NetworkX:
    """What firth reads of a networkx.Graph, with edges in both directions unless it is directed."""

    def __init__(self, edges: list[tuple[Any, ...]], nodes: list[Any], directed: bool = False) -> None:
        self.nodes, self._directed = nodes, directed
        self._neighbors: dict[Any, dict[Any, dict[str, Any]]] = {node: {} for node in nodes}
        for first, second, *weight in edges:
            attributes = {"weight": weight[0]} if weight else {}
            self._neighbors[first][second] = attributes
            if not directed:
                self._neighbors[second][first] = attributes

    def is_directed(self) -> bool:
        return self._directed

    def is_multigraph(self) -> bool:
        return False

    def adjacency(self) -> Iterator[tuple[Any, dict[Any, dict[str, Any]]]]:
        return iter(self._neighbors.items())


def _matrix(symmetric: bool = True) -> scipy.sparse.coo_array:
    first, second, weights = map(np.array, zip(*EDGES, strict=True))
    half = scipy.sparse.coo_array((weights, (first, second)), shape=(4, 4))
    return half + half.T if symmetric else half


def _sources(folder: Path) -> dict[str, Any]:
    (folder / "g.edgelist").write_text("# a graph\n" + "".join(f"{a} {b} {w}\n" for a, b, w in EDGES), encoding="utf-8")
    (folder / "g.txt").write_text("".join(f"{a}\t{b}\t{w}\r\n\r\n" for a, b, w in EDGES), encoding="utf-8", newline="")
    (folder / "g.csv").write_text("\ufeff" + "".join(f"{a}, {b},{w}\n" for a, b, w in EDGES), encoding="utf-8")
    return {
        "csr": scipy.sparse.csr_array(_matrix()),
        "coo": scipy.sparse.coo_matrix(_matrix()),
        "networkx": NetworkX(EDGES, [0, 1, 2, 3]),
        "array": np.array(EDGES),
        "both directions": np.array([*EDGES, *((b, a, w) for a, b, w in EDGES)]),
        "edgelist": folder / "g.edgelist",
        "txt": str(folder / "g.txt"),
        "csv": folder / "g.csv",
    }


KINDS = ["csr", "coo", "networkx", "array", "both directions", "edgelist", "txt", "csv"]


def _assert_is(graph: Graph, starts: list[int], neighbors: list[int], weights: list[float] | None) -> None:
    assert graph.starts.tolist() == starts
    assert graph.neighbors.tolist() == neighbors
    assert (None if graph.weights is None else graph.weights.tolist()) == weights


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_same_graph(kind: str, tmp_path: Path) -> None:
    source = _sources(tmp_path)[kind]
    graph = read_graph(source)
    assert isinstance(graph.nodes, np.ndarray)
    assert graph.nodes.tolist() == [0, 1, 2, 3]
    _assert_is(graph, STARTS, NEIGHBORS, WEIGHTS)
    _assert_is(read_graph(source, weighted=True, directed=False), STARTS, NEIGHBORS, WEIGHTS)
    _assert_is(read_graph(source, weighted=False), STARTS, NEIGHBORS, None)


def test_a_source_is_not_changed() -> None:
    matrix = scipy.sparse.csr_array((np.array([3.0, 0.0, 1.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    _assert_is(read_graph(matrix), [0, 1, 2], [1, 0], [3, 1])
    assert matrix.data.tolist() == [3, 0, 1]


@pytest.mark.parametrize("kind", ["matrix", "networkx", "array"])
def test_directed_edges_have_one_direction(kind: str) -> None:
    source: Any = {
        "matrix": _matrix(symmetric=False),
        "networkx": NetworkX(EDGES, [0, 1, 2, 3], directed=True),
        "array": np.array(EDGES),
    }[kind]
    _assert_is(read_graph(source, directed=True), [0, 1, 2, 4, 4], [1, 2, 0, 3], [2, 3, 4, 0.5])
    if kind == "networkx":
        _assert_is(read_graph(source), [0, 1, 2, 4, 4], [1, 2, 0, 3], [2, 3, 4, 0.5])
        _assert_is(read_graph(source, directed=False), STARTS, NEIGHBORS, WEIGHTS)


def test_directions_may_have_different_weights_if_directed() -> None:
    edges = np.array([[0, 1, 2], [1, 0, 3]])
    _assert_is(read_graph(edges, directed=True), [0, 1, 2], [1, 0], [2, 3])
    with pytest.raises(CorpusError, match="an edge must have one weight, got 3 and 2 between 1 and 0; add the weights"):
        read_graph(edges)


def test_edges_of_weight_zero_are_none() -> None:
    _assert_is(read_graph(np.array([[0, 1, 0], [1, 2, 5]])), [0, 0, 1, 2], [2, 1], [5, 5])


def test_nodes_keep_their_ids(tmp_path: Path) -> None:
    assert read_graph(np.array([[2**40, -3]])).nodes.tolist() == [-3, 2**40]  # type: ignore[union-attr]
    assert read_graph(NetworkX([("b", "a")], ["b", "a"])).nodes == ["b", "a"]
    path = tmp_path / "g.txt"
    for text, nodes in [("7 9\n", [7, 9]), ("b a\n9 a\n", ["9", "a", "b"]), ("007 8\n", ["007", "8"])]:
        path.write_text(text, encoding="utf-8")
        found = read_graph(path).nodes
        assert (found if isinstance(found, list) else found.tolist()) == nodes


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (scipy.sparse.csr_array((2, 3)), {}, ShapeError, r"graph must be a square matrix .* got shape \(2, 3\)"),
        (scipy.sparse.csr_array((3, 3)), {}, CorpusError, "graph must have at least one edge, got none"),
        (
            scipy.sparse.csr_array(np.eye(2) * 1j),
            {},
            CorpusTypeError,
            "graph must have real weights, got .* complex128",
        ),
        (_matrix(symmetric=False), {"directed": False}, CorpusError, "graph must be a symmetric matrix"),
        (-_matrix(), {}, CorpusError, r"weights of edges must be finite and at least 0, got -\d.* \(8 such edges\)"),
        (-_matrix(), {"weighted": False}, CorpusError, "weights of edges must be finite and at least 0"),
        (_matrix() * np.nan, {}, CorpusError, "weights of edges must be finite and at least 0, got nan"),
        (np.array([[0, 1, np.inf]]), {}, CorpusError, "weights of edges must be finite and at least 0, got inf"),
        (_matrix() * 4e307, {}, CorpusError, "weights of edges must have a finite sum, got infinity"),
        (np.array([[0, 1, -2]]), {}, CorpusError, r"at least 0, got -2 \(2 such edges\)"),
        (np.array([[0, 1]]), {"weighted": True}, CorpusError, "graph must have weights if weighted=True"),
        (np.zeros((0, 2), int), {}, CorpusError, "graph must have at least one edge, got none"),
        (np.zeros((4, 4)), {}, ShapeError, r"edges must have the shape .* got \(4, 4\); for a matrix of weights"),
        (
            np.array([[0.5, 1]]),
            {},
            CorpusError,
            "nodes must be whole numbers below 2\\^53 in an array of floats, got 0.5",
        ),
        (np.array([[np.nan, 1]]), {}, CorpusError, "nodes must be whole numbers .* got nan"),
        (np.array([[2**63, 1]], np.uint64), {}, CorpusError, "nodes must be below 2\\^63, got 9223372036854775808"),
        (np.array([["a", "b"]]), {}, CorpusTypeError, "edges must be an array of integers, or of floats .* got <U1"),
        (np.ma.masked_equal([[0, 1], [5, 2]], 5), {}, CorpusError, "edges must have a value .* got a masked one"),
        ([(0, 1)], {}, CorpusTypeError, "graph must be a SciPy sparse matrix, .* got list"),
        (NetworkX([], []), {}, CorpusError, "graph must have at least one edge"),
        (NetworkX([((0, 0), (0, 1))], [(0, 0), (0, 1)]), {}, CorpusTypeError, r"all strings, got \(0, 0\) \(tuple\)"),
        (NetworkX([("a", 1)], ["a", 1]), {}, CorpusTypeError, "nodes must be all integers or all strings, got 'a'"),
        (NetworkX([(0, 1, 2.0), (1, 2)], [0, 1, 2]), {}, CorpusError, "every edge must have a weight .* got 2 of 4"),
        (NetworkX([(0, 1, "x")], [0, 1]), {}, CorpusError, "the weight of an edge must be a number, got 'x'"),
        (NetworkX([(0, 1)], [0, 1]), {"weighted": True}, CorpusError, "graph must have weights if weighted=True"),
    ],
)
def test_bad_graphs(source: Any, options: dict[str, bool], error: type[FirthError], message: str) -> None:
    with pytest.raises(error, match=message):
        read_graph(source, **options)


def test_edges_to_unknown_nodes_are_refused() -> None:
    graph = NetworkX([(0, 1)], [0, 1])
    graph.nodes = [0]
    with pytest.raises(CorpusError, match="graph must have edges between its nodes, got an edge 0 to 1"):
        read_graph(graph)


def test_multigraphs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NetworkX, "is_multigraph", lambda self: True)
    with pytest.raises(CorpusTypeError, match=r"at most one edge between two nodes.* pass networkx.Graph\(graph\)"):
        read_graph(NetworkX([(0, 1)], [0, 1]))


def test_names_of_nodes_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text('# "names"\n"Smith, Ann", "bob"\nbob,"say ""hi"""\n', encoding="utf-8")
    assert read_graph(path).nodes == ["Smith, Ann", "bob", 'say "hi"']
    path = tmp_path / "g.txt"
    path.write_text("a\0 a\nNew\u00a0York source\nfrom a\n", encoding="utf-8")
    assert read_graph(path).nodes == ["New\u00a0York", "a", "a\0", "from", "source"]


def test_a_long_name_takes_its_own_memory_alone(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_text("x" * 10_000_000 + " a\n" + "".join(f"a b{k}\n" for k in range(2000)), encoding="utf-8")
    tracemalloc.start()
    assert len(read_graph(path).nodes) == 2002
    assert tracemalloc.get_traced_memory()[1] < 200_000_000  # 4,002 names of that length would take 160 GB
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["coo", "csr"])
def test_repeated_entries_are_summed_beyond_their_type(kind: str) -> None:
    weights, rows, columns = np.array([200, 100], np.uint8), np.array([0, 0]), np.array([1, 1])
    if kind == "coo":
        matrix = scipy.sparse.coo_matrix((weights, (rows, columns)), shape=(2, 2))
    else:
        matrix = scipy.sparse.csr_array((weights, columns, np.array([0, 2, 2])), shape=(2, 2))
    _assert_is(read_graph(matrix), [0, 1, 1], [1], [300])


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("g.txt", "", CorpusError, "graph must have at least one edge, got none"),
        ("g.txt", "# nothing\n", CorpusError, "graph must have at least one edge, got none"),
        ("g.txt", "0 1\n2\n", FormatError, "g.txt, line 2: an edge must have two nodes and at most a weight, got 1"),
        ("g.edgelist", "0 1 {'weight': 2}\n", FormatError, "line 1: an edge must have two nodes .* got 4 fields"),
        ("g.edgelist", "0 1 {}\n", FormatError, "line 1: the third field must be a weight, got '{}'"),
        ("g.txt", "0 1\n1 2 3\n", FormatError, "line 2: every edge must have 2 fields as the first has, got 3"),
        ("g.csv", "0,,2\n", FormatError, "line 1: every field must have a value, got '0,,2'"),
        ("g.csv", "a,b,w\n0,1,2\n", FormatError, "line 1: the third field must be a weight, got 'w'; delete a line of"),
        ("g.csv", "source,target\n0,1\n", FormatError, "got 'source' and 'target' in the first edge and integers"),
        ("g.csv", "0,1,nan\n", CorpusError, "weights of edges must be finite and at least 0, got nan"),
        ("g.csv", "0,1,1_0\n", FormatError, "the third field must be a weight, got '1_0'"),
        ("g.csv", '"a,b\nc,d\n', FormatError, "g.csv, line 2: must be CSV: unexpected end of data"),
        ("g.csv", "a;b\n", FormatError, "line 1: commas must separate the fields of a .csv file, got 'a;b'"),
        ("g.csv", "Source,Target\nann,bob\n", FormatError, "got 'Source' and 'Target', which occur nowhere else"),
        ("g.txt", "a, b\n", FormatError, "white space must separate the fields of a .txt file, got the comma in 'a,'"),
        ("g.txt", "a,b\n", FormatError, "white space must separate .* give the file a name that ends in .csv"),
        ("g.txt", f"0 {2**63}\n", CorpusError, "nodes must fit in 64 bits"),
        (
            "g.bin",
            "0 1\n",
            CorpusTypeError,
            "graph must be a file of edges with the ending .edgelist, .csv, .txt or .adjlist, got",
        ),
    ],
)
def test_bad_files(name: str, text: str, error: type[FirthError], message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        read_graph(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"absent.txt: cannot be read: No such file"):
        read_graph(tmp_path / "absent.txt")
    (tmp_path / "g.txt").write_bytes(b"caf\xe9 1\n")
    with pytest.raises(FormatError, match="g.txt: the text must be UTF-8"):
        read_graph(tmp_path / "g.txt")


COLUMNS = ["from", "to", "weight"]
ROWS = [dict(zip(COLUMNS, edge, strict=True)) for edge in EDGES]


@pytest.mark.parametrize("kind", ["parquet", "feather", "jsonl", "csv", "tsv"])
def test_tables_of_edges(kind: str, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame, path = pandas.DataFrame(ROWS), tmp_path / f"edges.{kind}"
    if kind in ("parquet", "feather"):
        getattr(frame, f"to_{kind}")(path)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
    for columns, weights in ((COLUMNS, WEIGHTS), (COLUMNS[:2], None)):
        graph = read_graph(path, columns=columns)
        assert graph.nodes.tolist() == [0, 1, 2, 3]  # type: ignore[union-attr]
        _assert_is(graph, STARTS, NEIGHBORS, weights)
    _assert_is(read_graph(path, columns=COLUMNS, directed=True), [0, 1, 2, 4, 4], [1, 2, 0, 3], [2, 3, 4, 0.5])
    with pytest.raises(
        CorpusError, match=r"^column must be a column of .*, got 'target'; the columns are 'from', 'to'"
    ):
        read_graph(path, columns=["from", "target"])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_edges(library: str) -> None:
    module = pytest.importorskip(library)
    listed = {name: [row[name] for row in ROWS] for name in COLUMNS}
    frame = module.table(listed) if library == "pyarrow" else module.DataFrame(listed)
    _assert_is(read_graph(frame, columns=COLUMNS), STARTS, NEIGHBORS, WEIGHTS)
    with pytest.raises(
        CorpusTypeError, match=r'got .*; for a frame name its columns, as in columns=\["source", "target"\]'
    ):
        read_graph(frame)


def test_nodes_of_tables_keep_their_types(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"a": ["1", "2"], "b": ["2", "30"]}).to_parquet(tmp_path / "strings.parquet")
    assert read_graph(tmp_path / "strings.parquet", columns=["a", "b"]).nodes == ["1", "2", "30"]
    pandas.DataFrame({"a": [1, None], "b": [2, 3]}).to_parquet(tmp_path / "gap.parquet")
    with pytest.raises(CorpusError, match="the column 'a' must have a value in every row, got none in row 1"):
        read_graph(tmp_path / "gap.parquet", columns=["a", "b"])
    pandas.DataFrame({"a": [1.5], "b": [2.0]}).to_parquet(tmp_path / "floats.parquet")
    with pytest.raises(CorpusTypeError, match=r"nodes must be all integers or all strings, got 1\.5"):
        read_graph(tmp_path / "floats.parquet", columns=["a", "b"])
    (tmp_path / "empty.csv").write_text("a,b\n1,\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="the column 'b' must have a node in every row, got none in row 1"):
        read_graph(tmp_path / "empty.csv", columns=["a", "b"])
    pandas.DataFrame({"a": [1], "b": [2], "w": [-1.0]}).to_parquet(tmp_path / "negative.parquet")
    with pytest.raises(CorpusError, match="weights of edges must be finite and at least 0, got -1"):
        read_graph(tmp_path / "negative.parquet", columns=["a", "b", "w"])
    with pytest.raises(CorpusTypeError, match=r'name the columns of a table: columns=\["source", "target"\]'):
        read_graph(tmp_path / "negative.parquet")


def test_adjacency_lists(tmp_path: Path) -> None:
    path = tmp_path / "g.adjlist"
    path.write_text("# by networkx\n0 1 2\n1 2\n2 3\n3\n9\n", encoding="utf-8")
    graph = read_graph(path)
    assert graph.nodes.tolist() == [0, 1, 2, 3, 9]  # type: ignore[union-attr]
    _assert_is(graph, [*STARTS, 8], NEIGHBORS, None)
    _assert_is(read_graph(path, directed=True), [0, 2, 3, 4, 4, 4], [1, 2, 2, 3], None)
    with pytest.raises(CorpusError, match="graph must have weights if weighted=True"):
        read_graph(path, weighted=True)
    path.write_text("0\n1\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="graph must have at least one edge, got none"):
        read_graph(path)


def test_networkx_itself(tmp_path: Path) -> None:
    """Where the library is installed: its graphs, and the files and frames that it writes, are one graph."""
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    graph.add_weighted_edges_from(EDGES)
    _assert_is(read_graph(graph), STARTS, NEIGHBORS, WEIGHTS)
    networkx.write_adjlist(graph, tmp_path / "g.adjlist")
    _assert_is(read_graph(tmp_path / "g.adjlist"), STARTS, NEIGHBORS, None)
    networkx.write_weighted_edgelist(graph, tmp_path / "g.edgelist")
    _assert_is(read_graph(tmp_path / "g.edgelist"), STARTS, NEIGHBORS, WEIGHTS)
    _assert_is(
        read_graph(networkx.to_pandas_edgelist(graph), columns=["source", "target", "weight"]),
        STARTS,
        NEIGHBORS,
        WEIGHTS,
    )
    with pytest.raises(CorpusTypeError, match="graph must have at most one edge between two nodes, got a multigraph"):
        read_graph(networkx.MultiGraph(graph))
