"""Room corpus: reads graphs: sparse matrices, NetworkX graphs, files and arrays of edges become one compact form."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.urls import refuse_url
from firth.base.values import is_integer, is_number
from firth.corpus.tables import column_of, split_text
from firth.corpus.value_columns import TABLE_FILES, as_weight, find_files, parse_titles
from firth.errors import CorpusError, CorpusTypeError, FormatError, ShapeError, StorageError

EDGE_FILES = (".edgelist", ".csv", ".txt")
ADJACENCY_FILE = ".adjlist"
MAX_NODES = 2**31 - 1  # the core's numbers of nodes have 32 bits
_TITLES = (("source", "target"), ("src", "dst"), ("from", "to"), ("node1", "node2"), ("id1", "id2"))  # of columns
_BEGIN_WITH_HASH = (
    "if the first line has the names of the columns, begin it with #, or pass two of the names: columns=[...]"
)


@dataclass(frozen=True)
class Graph:
    """A graph in compressed sparse rows.

    Attributes
    ----------
    nodes : int64 array, (N,), or list of N str
        The ids of the nodes, as the source names them.
    starts : int64 array, (N + 1,)
        The edges that leave node number i go to the nodes ``neighbors[starts[i]:starts[i + 1]]``.
    neighbors : int32 array, (n_edges,)
        Numbers of nodes, in ascending order for each node, without repeats. An undirected edge occurs twice.
    weights : float64 array, (n_edges,), above 0, or None if every edge has the weight 1
    """

    nodes: NDArray[np.int64] | list[str]
    starts: NDArray[np.int64]
    neighbors: NDArray[np.int32]
    weights: NDArray[np.float64] | None


def read_graph(
    source: Any,
    *,
    directed: bool | None = None,
    weighted: bool | None = None,
    columns: Sequence[str] | None = None,
) -> Graph:
    """Read a graph of any kind that ``firth.Walks`` accepts; its docstring says which, and what the options mean.

    Raises
    ------
    CorpusTypeError
        The source is no graph, or its nodes are neither all integers nor all strings.
    CorpusError
        The graph has no edge, a weight is negative, NaN or infinite, an edge has two weights or an unknown node.
    ShapeError, FormatError, StorageError
        A matrix is not square, a line of a file is not an edge, or a file cannot be read.
    """
    titles = parse_titles(columns, ("first nodes", "second nodes", "weights"))
    is_path = isinstance(source, (str, os.PathLike))
    if titles is not None:
        edges = _read_tables(source, titles) if is_path else _read_frame(source, titles)
        return _from_edges(*edges, directed is True, weighted)
    if is_path and _suffix(source) == ADJACENCY_FILE:
        return _from_adjacency(Path(source), directed is True, weighted)
    if is_path:
        return _from_edges(*_read_file(Path(source)), directed is True, weighted)
    if isinstance(source, np.ndarray):
        return _from_edges(*_split_array(source), directed is True, weighted)
    if hasattr(source, "tocsr") and hasattr(source, "shape"):
        return _from_matrix(source, directed, weighted)
    if all(hasattr(source, name) for name in ("adjacency", "nodes", "is_directed")):
        return _from_networkx(source, directed, weighted)
    raise CorpusTypeError(
        "graph must be a SciPy sparse matrix, a NetworkX graph, the path of a file of edges or a NumPy array of edges,"
        f' got {type(source).__name__}; for a frame name its columns, as in columns=["source", "target"]'
    )


def _from_matrix(source: Any, directed: bool | None, weighted: bool | None) -> Graph:
    if len(source.shape) != 2 or source.shape[0] != source.shape[1]:
        raise ShapeError(f"graph must be a square matrix with a row for each node, got shape {tuple(source.shape)}")
    if source.dtype.kind not in "biuf":
        raise CorpusTypeError(f"graph must have real weights, got a matrix of {source.dtype}")
    # repeated entries are summed in float64: the sum of two uint8 may not fit in uint8
    matrix = source.tocsr(copy=True) if source.dtype.kind == "b" else source.astype(np.float64).tocsr()
    matrix.sum_duplicates()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    weights = matrix.data.astype(np.float64)
    if weighted is False:
        _validate_weights(weights)
        weights = (weights != 0).astype(np.float64)
    nodes = np.arange(matrix.shape[0], dtype=np.int64)
    graph = _build(nodes, rows, matrix.indices, weights)
    if directed is False:
        _validate_symmetric(graph)
    return graph


def _from_networkx(source: Any, directed: bool | None, weighted: bool | None) -> Graph:
    if getattr(source, "is_multigraph", lambda: False)():
        raise CorpusTypeError(
            "graph must have at most one edge between two nodes, got a multigraph; pass networkx.Graph(graph) or"
            " networkx.DiGraph(graph), which keep the weight of one of several edges"
        )
    nodes = _validated_nodes(list(source.nodes))
    numbers = {node: number for number, node in enumerate(nodes if isinstance(nodes, list) else nodes.tolist())}
    firsts: list[int] = []
    seconds: list[int] = []
    found: list[Any] = []
    for node, neighbors in source.adjacency():
        for neighbor, attributes in neighbors.items():
            if node not in numbers or neighbor not in numbers:
                raise CorpusError(f"graph must have edges between its nodes, got an edge {node!r} to {neighbor!r}")
            firsts.append(numbers[node])
            seconds.append(numbers[neighbor])
            found.append(attributes.get("weight"))
    weights = None
    n_without = sum(weight is None for weight in found)
    if weighted is not False and n_without < len(found):
        if n_without:
            raise CorpusError(
                f"every edge must have a weight if one has, got {n_without:,} of {len(found):,} without;"
                " weighted=False ignores weights"
            )
        strange = next((weight for weight in found if not is_number(weight)), None)
        if strange is not None:
            raise CorpusError(
                f"the weight of an edge must be a number, got {strange!r}; weighted=False ignores weights"
            )
        weights = np.array(found, np.float64)
    _require_weights(weights, weighted)
    first, second = np.array(firsts, np.int64), np.array(seconds, np.int64)
    return _build_once(nodes, first, second, weights, symmetric=directed is False)


def _validated_nodes(nodes: list[Any]) -> NDArray[np.int64] | list[str]:
    if all(isinstance(node, str) for node in nodes):
        return nodes
    strange = next((node for node in nodes if not is_integer(node)), None)
    if strange is not None:
        raise CorpusTypeError(
            f"nodes must be all integers or all strings, got {strange!r} ({type(strange).__name__}); use"
            " networkx.convert_node_labels_to_integers"
        )
    try:
        return np.array([int(node) for node in nodes], np.int64)
    except OverflowError:
        raise CorpusTypeError("nodes must fit in 64 bits if they are integers") from None


def _split_array(edges: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]:
    if edges.ndim != 2 or edges.shape[1] not in (2, 3):
        raise ShapeError(
            f"edges must have the shape (n_edges, 2), or (n_edges, 3) with weights, got {edges.shape}; for a matrix of"
            " weights pass scipy.sparse.csr_array(matrix)"
        )
    if edges.dtype.kind not in "iuf":
        raise CorpusTypeError(f"edges must be an array of integers, or of floats with weights, got {edges.dtype}")
    if np.ma.is_masked(edges):
        raise CorpusError("edges must have a value in every field, got a masked one; drop such rows")
    ids = edges[:, :2]
    if edges.dtype.kind == "f":
        bad = ~np.isfinite(ids) | (ids != np.floor(ids)) | (np.abs(ids) >= 2.0**53)
        if bad.any():
            raise CorpusError(f"nodes must be whole numbers below 2^53 in an array of floats, got {ids[bad][0]}")
    if edges.dtype == np.uint64 and ids.size and int(ids.max()) >= 1 << 63:
        raise CorpusError(f"nodes must be below 2^63, got {int(ids.max())}")
    whole = ids.astype(np.int64)
    return whole[:, 0], whole[:, 1], edges[:, 2].astype(np.float64) if edges.shape[1] == 3 else None


def _read_file(path: Path) -> tuple[Any, Any, NDArray[np.float64] | None]:
    """First nodes, second nodes and weights of the edges of a file. Nodes are integers if every node is one."""
    if path.suffix.lower() not in EDGE_FILES:
        advice = ""
        if {suffix.lower() for suffix in path.suffixes} & set(TABLE_FILES):
            advice = '; name the columns of a table: columns=["source", "target"]'
        raise CorpusTypeError(
            f"graph must be a file of edges with the ending {', '.join(EDGE_FILES)} or {ADJACENCY_FILE}, got"
            f" {path}{advice}"
        )
    firsts: list[str] = []
    seconds: list[str] = []
    weights: list[float] = []
    n_fields = 0
    for where, fields in _each_line(path):
        if len(fields) not in (2, 3):
            raise FormatError(
                f"{where}: an edge must have two nodes and at most a weight, got {len(fields)} fields; for NetworkX use"
                " write_edgelist(graph, path, data=False) or write_weighted_edgelist"
            )
        if n_fields and len(fields) != n_fields:
            raise FormatError(f"{where}: every edge must have {n_fields} fields as the first has, got {len(fields)}")
        n_fields = len(fields)
        firsts.append(fields[0])
        seconds.append(fields[1])
        if n_fields == 3:
            try:
                weights.append(_read_weight(fields[2]))
            except ValueError:
                raise FormatError(
                    f"{where}: the third field must be a weight, got {fields[2]!r:.60}; delete a line of names, or"
                    " begin it with #"
                ) from None
    ids = _integers_or_names(firsts + seconds, len(firsts))
    return ids[: len(firsts)], ids[len(firsts) :], np.array(weights) if n_fields == 3 else None


def _read_weight(text: str) -> float:
    if "_" in text or not text.isascii():  # Python would read 1_000 and the digits of other scripts
        raise ValueError
    return float(text)


def _suffix(source: str | os.PathLike[str]) -> str:
    return Path(source).suffix.lower()


def _from_adjacency(path: Path, directed: bool, weighted: bool | None) -> Graph:
    """The graph of a file with a node and its neighbors in each line. A node alone has no edge in this line."""
    firsts: list[str] = []
    seconds: list[str] = []
    nodes: list[str] = []
    for _, fields in _each_line(path):
        nodes.append(fields[0])
        firsts += fields[:1] * (len(fields) - 1)
        seconds += fields[1:]
    n_edges = len(firsts)
    ids = _integers_or_names(firsts + seconds + nodes, n_edges)
    first, second, others = ids[:n_edges], ids[n_edges : 2 * n_edges], ids[2 * n_edges :]
    return _from_edges(first, second, None, directed, weighted, others=others)


Edges = tuple[Any, Any, NDArray[np.float64] | None]


def _read_tables(source: Any, titles: list[str]) -> Edges:
    """The edges in columns of files: Parquet, Arrow, JSON lines, CSV, TSV. Cells of CSV are read as in edge files."""
    nodes: tuple[list[Any], list[Any]] = ([], [])
    weights: list[float] = []
    is_text = False
    for file in find_files(source, "graph"):
        columns = [file.column(title) for title in titles]
        is_text = is_text or file.suffix in (".csv", ".tsv", ".tab")
        for found, column in zip(nodes, columns, strict=False):
            for row, values in column.values():
                if "" in values:
                    raise CorpusError(
                        f"{file.path}: the column {column.title!r} must have a node in every row, got none in row"
                        f" {row + values.index(''):,}"
                    )
                found += values
        if len(columns) == 3:
            for row, values in columns[2].values():
                weights += [
                    as_weight(value, f"{file.path}, row {row + k:,}", titles[2]) for k, value in enumerate(values)
                ]
    first, second = nodes
    ids = _integers_or_names(first + second, len(first)) if is_text else _validated_nodes(first + second)
    return ids[: len(first)], ids[len(first) :], np.array(weights, np.float64) if len(titles) == 3 else None


def _read_frame(source: Any, titles: list[str]) -> Edges:
    """The edges in columns of a frame of pandas, Polars or Arrow."""
    listed = [list(_cells(column_of(source, title))) for title in titles]
    ids = _validated_nodes(listed[0] + listed[1])
    weights = None
    if len(listed) == 3:
        weights = np.array([as_weight(value, "graph", titles[2]) for value in listed[2]], np.float64)
    return ids[: len(listed[0])], ids[len(listed[0]) :], weights


def _cells(column: Any) -> Any:
    return column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()


def _each_line(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields of each edge and where it is. Quotation marks enclose fields in ``.csv``."""
    is_csv = path.suffix.lower() == ".csv"
    refuse_url(path, "download the graph first")
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = ("\n" if line.lstrip().startswith("#") else line for line in file)
            for number, row in _csv_rows(path, lines) if is_csv else enumerate(map(split_text, lines), start=1):
                where, fields = f"{path}, line {number}", [field.strip() for field in row]
                if not fields or fields == [""]:
                    continue
                if not all(fields):
                    raise FormatError(f"{where}: every field must have a value, got {','.join(fields)!r:.60}")
                if is_csv and len(fields) == 1 and len(fields[0].split(";")) in (2, 3):
                    raise FormatError(f"{where}: commas must separate the fields of a .csv file, got {fields[0]!r:.60}")
                if not is_csv and (fields[0].endswith(",") or (len(fields) == 1 and "," in fields[0])):
                    raise FormatError(
                        f"{where}: white space must separate the fields of a {path.suffix} file, got the comma in"
                        f" {fields[0]!r:.60}; give the file a name that ends in .csv"
                    )
                yield where, fields
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise FormatError(f"{path}: the text must be UTF-8, got the byte {byte:#04x}; convert the file") from None


def _csv_rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(lines, skipinitialspace=True, strict=True)
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise FormatError(f"{path}, line {rows.line_num}: must be CSV: {error}") from None


def _from_edges(
    first: Any,
    second: Any,
    weights: NDArray[np.float64] | None,
    directed: bool,
    weighted: bool | None,
    *,
    others: Any = (),
) -> Graph:
    """The graph of edges. ``others`` are nodes that may be in no edge."""
    if len(first) == 0:
        raise CorpusError("graph must have at least one edge, got none")
    n_edges = len(first)
    parts = [first, second, others] if len(others) else [first, second]
    if isinstance(first, list):  # no array of strings, which drops NULs and gives each name the longest one's room
        ids = list(itertools.chain.from_iterable(parts))
        nodes: Any = sorted(set(ids))
        places = {name: number for number, name in enumerate(nodes)}
        numbers = np.fromiter((places[name] for name in ids), np.int64, len(ids))
    else:
        nodes, numbers = np.unique(np.concatenate(parts), return_inverse=True)
        numbers = numbers.reshape(-1)
    kept = None if weighted is False else weights
    _require_weights(kept, weighted)
    return _build_once(nodes, numbers[:n_edges], numbers[n_edges : 2 * n_edges], kept, symmetric=not directed)


def _integers_or_names(texts: list[str], n_edges: int) -> NDArray[np.int64] | list[str]:
    """The nodes of a file, of n edges first: int64 if each is written as an integer is, otherwise str."""
    is_whole = [text.removeprefix("-").isdecimal() and text.isascii() for text in texts]
    if not all(is_whole):
        others_are_whole = all(is_whole[1:n_edges]) and all(is_whole[n_edges + 1 :])
        if n_edges > 1 and others_are_whole and not (is_whole[0] or is_whole[n_edges]):
            raise FormatError(
                f"nodes must be all integers or all names, got {texts[0]!r} and {texts[n_edges]!r} in the first edge"
                f" and integers in the others; {_BEGIN_WITH_HASH}"
            )
        titles = texts[0], texts[n_edges]
        if (titles[0].lower(), titles[1].lower()) in _TITLES and all(texts.count(title) == 1 for title in titles):
            raise FormatError(
                f"nodes must be named by the first line too, got {titles[0]!r} and {titles[1]!r}, which occur nowhere"
                f" else; {_BEGIN_WITH_HASH}; otherwise give these nodes other names"
            )
        return texts
    values = [int(text) for text in texts]
    if any(str(value) != text for value, text in zip(values, texts, strict=True)):
        return texts  # 007 is not 7
    try:
        return np.array(values, np.int64)
    except OverflowError:
        raise CorpusError("nodes must fit in 64 bits if they are integers") from None


def _build_once(
    nodes: Any, first: NDArray[Any], second: NDArray[Any], weights: NDArray[np.float64] | None, *, symmetric: bool
) -> Graph:
    """A graph from edges that may be listed more than once, each time with the same weight.

    If ``symmetric``, each edge counts in both directions.
    """
    if symmetric:
        first, second = np.concatenate([first, second]), np.concatenate([second, first])
        weights = None if weights is None else np.concatenate([weights, weights])
    keys, places, inverse = np.unique(
        first.astype(np.int64) * len(nodes) + second, return_index=True, return_inverse=True
    )
    if weights is not None:
        _validate_weights(weights)
        differs = weights != weights[places][inverse.reshape(-1)]
        if differs.any():
            edge = int(np.flatnonzero(differs)[0])
            other = weights[places][inverse.reshape(-1)][edge]
            raise CorpusError(
                f"an edge must have one weight, got {other:g} and {weights[edge]:g} between"
                f" {_name(nodes, first[edge])} and {_name(nodes, second[edge])}; add the weights up before, or pass"
                " directed=True if each direction has its own"
            )
        weights = weights[places]
    return _build(nodes, keys // len(nodes), keys % len(nodes), weights)


def _build(nodes: Any, rows: NDArray[Any], columns: NDArray[Any], weights: NDArray[np.float64] | None) -> Graph:
    """A graph from edges without repeats, in ascending order; edges of weight 0 are left out."""
    if weights is not None:
        _validate_weights(weights)
        if not np.all(weights > 0):
            rows, columns, weights = rows[weights > 0], columns[weights > 0], weights[weights > 0]
        if np.all(weights == 1):
            weights = None
    if len(rows) == 0:
        raise CorpusError("graph must have at least one edge, got none")
    if len(nodes) > MAX_NODES:
        raise CorpusError(f"graph must have at most {MAX_NODES:,} nodes, got {len(nodes):,}")
    starts = np.zeros(len(nodes) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=len(nodes)), out=starts[1:])
    neighbors = np.ascontiguousarray(columns, np.int32)
    return Graph(nodes, starts, neighbors, None if weights is None else np.ascontiguousarray(weights))


def _validate_weights(weights: NDArray[np.float64]) -> None:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise CorpusError(
            f"weights of edges must be finite and at least 0, got {weights[bad][0]:g} ({int(bad.sum()):,} such edges)"
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise CorpusError("weights of edges must have a finite sum, got infinity; divide the weights by their maximum")


def _require_weights(weights: object, weighted: bool | None) -> None:
    if weighted and weights is None:
        raise CorpusError("graph must have weights if weighted=True, got edges without weights")


def _validate_symmetric(graph: Graph) -> None:
    rows = np.repeat(np.arange(len(graph.nodes)), np.diff(graph.starts))
    order = np.lexsort((rows, graph.neighbors))
    same = np.array_equal(graph.neighbors[order], rows) and np.array_equal(rows[order], graph.neighbors)
    if same and graph.weights is not None:
        same = np.array_equal(graph.weights[order], graph.weights)
    if not same:
        raise CorpusError(
            "graph must be a symmetric matrix if directed=False, got one that is not; pass matrix.maximum(matrix.T)"
        )


def _name(nodes: Any, number: int) -> str:
    node = nodes[number]
    return repr(node if isinstance(node, str) else int(node))


__all__ = ["EDGE_FILES", "Graph", "read_graph"]
