"""Room corpus: ``firth.Walks``: random walks on a graph as a corpus whose words are nodes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.values import as_bool, as_integer, as_number
from firth.corpus.graphs import read_graph
from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import CorpusWarning, ParameterError
from firth.native.walks import draw_walks, running_sums

BLOCK_NODES = 1 << 20  # nodes of walks that are drawn at once; 4 bytes each
MAX_WALK_LENGTH = 1_000_000
MAX_PARAMETER = 1e9  # p and q; 1/p and 1/q then have no part that float64 would lose


class Walks:
    """Random walks on a graph: a corpus for ``firth.train`` and ``firth.encode_corpus``.

    From each node begin ``walks_per_node`` walks. A walk of second order [1] that came from node t to node v goes to a
    neighbor x of v with a probability proportional to w(v, x) b(x): b is 1/p if x is t, 1 if an edge goes from t to x,
    and 1/q otherwise. With p = q = 1 the walk has the first order [2]. Walks are drawn when they are read, and drawn
    anew at each reading; a walk depends on the seed and its number alone, not on the number of threads.

    A walk ends early at a node that no edge leaves, and no walk begins at such a node. A node without any edge is in no
    walk: it gets no vector. A CorpusWarning gives the numbers of such nodes.

    Parameters
    ----------
    graph : SciPy sparse matrix, NetworkX graph, path of a file of edges, or NumPy array of edges
        A matrix has the weight of the edge from i to j in row i and column j; the nodes are the numbers of its rows. A
        NetworkX graph has integers or strings as nodes; the attribute ``weight`` of its edges is read. A file
        (``.edgelist``, ``.csv``, ``.txt``) has an edge a line: two nodes and perhaps a weight, with commas between them
        in ``.csv`` and white space in the others; lines that begin with ``#`` are left out; nodes are integers if all
        are written so, otherwise strings. An array has the shape (n_edges, 2), or (n_edges, 3) with weights. In files
        and arrays an edge may be listed more than once with the same weight: it is one edge. An edge of weight 0 is
        none. ``.adjlist`` is a file with a node and its neighbors in each line. With ``columns``: a frame, or the path
        of a table.
    p : float, above 0
        Return parameter. A small p goes back often.
    q : float, above 0
        In-out parameter. A small q goes away from the previous node.
    walks_per_node : int
    walk_length : int
        Number of nodes of a walk, at most.
    seed : int in [0, 2^64)
    directed : bool or None
        None: a matrix and a NetworkX graph say it themselves; files and arrays are undirected. False: each edge counts
        in both directions; a matrix must be symmetric.
    weighted : bool or None
        None: weights are used if the graph has any. True: the graph must have weights. False: weights are ignored, but
        an edge of weight 0 in a matrix is none.
    columns : list of two or three names, or None
        The columns of the first nodes, the second nodes and the weights of edges, if ``graph`` is a frame of pandas,
        Polars or Arrow, or a Parquet, Arrow, JSON lines, CSV or TSV file.

    Attributes
    ----------
    nodes : int64 array or list of str
        The ids of all nodes of the graph.
    shape : (n_walks, walk_length)

    Raises
    ------
    ParameterError, CorpusError, CorpusTypeError, ShapeError, FormatError, StorageError

    References
    ----------
    [1] Grover, Leskovec (2016), node2vec, arXiv:1607.00653. [2] Perozzi, Al-Rfou, Skiena (2014), DeepWalk,
    arXiv:1403.6652.

    Examples
    --------
    >>> import numpy as np, firth
    >>> triangle = np.array([[10, 20], [20, 30], [30, 10]])
    >>> walks = firth.Walks(triangle, walks_per_node=2, walk_length=5)
    >>> walks.shape, len(walks), set(next(iter(walks))) <= {10, 20, 30}
    ((6, 5), 6, True)
    """

    def __init__(
        self,
        graph: Any,
        *,
        p: float = 1.0,
        q: float = 1.0,
        walks_per_node: int = 10,
        walk_length: int = 80,
        seed: int = 1,
        directed: bool | None = None,
        weighted: bool | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.p, self.q = _as_bias("p", p), _as_bias("q", q)
        self.walks_per_node = as_integer("walks_per_node", walks_per_node, minimum=1, maximum=2**32 - 1)
        self.walk_length = as_integer("walk_length", walk_length, minimum=2, maximum=MAX_WALK_LENGTH)
        self.seed = as_integer("seed", seed, minimum=0, maximum=(1 << 64) - 1)
        for name, value in (("directed", directed), ("weighted", weighted)):
            if value is not None:
                as_bool(name, value)
        read = read_graph(graph, directed=directed, weighted=weighted, columns=columns)
        self.nodes = read.nodes
        self._starts, self._neighbors = read.starts, read.neighbors
        self._sums = None if read.weights is None else running_sums(read.starts, read.weights)
        degrees = np.diff(read.starts)
        self._first_nodes = np.flatnonzero(degrees).astype(np.int32)
        has_no_edge = (degrees == 0) & (np.bincount(read.neighbors, minlength=len(degrees)) == 0)
        lonely, ends = np.flatnonzero(has_no_edge), np.flatnonzero((degrees == 0) & ~has_no_edge)
        if len(ends):
            named = ", ".join(repr(node) for node in self._names(ends[:5]))
            warnings.warn(
                f"no edge leaves {len(ends):,} of {len(degrees):,} nodes (such as {named}): walks end there early, and"
                " no walk begins there; if edges have no direction, pass directed=False or a symmetric matrix",
                CorpusWarning,
                stacklevel=2,
            )
        if len(lonely):
            named = ", ".join(repr(node) for node in self._names(lonely[:5]))
            warnings.warn(
                f"{len(lonely):,} of {len(degrees):,} nodes have no edge (such as {named}): no walk visits them, and"
                " they get no vectors; remove them from the graph, or add edges",
                CorpusWarning,
                stacklevel=2,
            )

    @property
    def shape(self) -> tuple[int, int]:
        """The number of walks, and the largest number of nodes of a walk."""
        return self.walks_per_node * len(self._first_nodes), self.walk_length

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        n_walks, length = self.shape
        return f"Walks({n_walks:,} walks of {length} nodes on {len(self.nodes):,} nodes, p={self.p:g}, q={self.q:g})"

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield each walk as a list of node ids."""
        for numbers, lengths in self.blocks():
            start = 0
            for stop in np.cumsum(lengths).tolist():
                yield self._names(numbers[start:stop])
                start = stop

    def blocks(self, *, threads: int | None = None) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
        """Yield the walks in blocks: numbers of nodes, int32, one walk after the other; and the lengths of the walks.

        Parameters
        ----------
        threads : int or None
            None: all processors. The walks do not depend on it.
        """
        threads = available_processors() if threads is None else as_integer("threads", threads, minimum=1)
        n_first = len(self._first_nodes)
        a_block = max(1, BLOCK_NODES // self.walk_length)
        for turn in range(self.walks_per_node):
            order = self._order(turn)
            for begin in range(0, n_first, a_block):
                yield draw_walks(
                    self._starts,
                    self._neighbors,
                    self._sums,
                    order[begin : begin + a_block],
                    p=self.p,
                    q=self.q,
                    seed=self.seed,
                    first_walk=turn * n_first + begin,
                    walk_length=self.walk_length,
                    threads=threads,
                )

    def _order(self, turn: int) -> NDArray[np.int32]:
        """The nodes at which one walk each begins, in random order, as in the algorithm of node2vec."""
        words = draw_blocks(self.seed, Purpose.WALK_ORDER, turn, np.arange(len(self._first_nodes)))
        keys = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
        return self._first_nodes[np.argsort(keys, kind="stable")]

    def _names(self, numbers: NDArray[Any]) -> list[Any]:
        if isinstance(self.nodes, list):
            return [self.nodes[number] for number in numbers.tolist()]
        return self.nodes[numbers].tolist()  # type: ignore[no-any-return]


def _as_bias(name: str, value: object) -> float:
    number = as_number(name, value)
    if not 1 / MAX_PARAMETER <= number <= MAX_PARAMETER:
        raise ParameterError(f"{name} must be above 0, from {1 / MAX_PARAMETER:g} to {MAX_PARAMETER:g}, got {number:g}")
    return number


__all__ = ["Walks"]
