"""Room native: random walks on a graph, drawn by the C++ core on several threads.

Tests: tests/corpus/test_walks.py.
"""

from __future__ import annotations

import ctypes
import functools
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status
from firth.native.stopping import Team


def running_sums(starts: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The running sums of the weights of each node's edges, float64 (n_edges,)."""
    core = _functions()
    sums = np.empty(len(weights))
    status = core.firth_walks_sums(len(starts) - 1, starts.ctypes.data, weights.ctypes.data, sums.ctypes.data)
    validate_status(core, status)
    return sums


def draw_walks(
    starts: NDArray[np.int64],
    neighbors: NDArray[np.int32],
    sums: NDArray[np.float64] | None,
    start_nodes: NDArray[np.int32],
    *,
    p: float,
    q: float,
    seed: int,
    first_walk: int,
    walk_length: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Draw consecutive walks. The result does not depend on the number of threads.

    Parameters
    ----------
    starts : int64 array, (n_nodes + 1,), contiguous
        The edges of node i go to ``neighbors[starts[i]:starts[i + 1]]``.
    neighbors : int32 array, (n_edges,), contiguous
        In ascending order for each node, without repeats.
    sums : float64 array, (n_edges,), contiguous, or None
        From ``running_sums``; None if every weight is 1.
    start_nodes : int32 array, (n_walks,)
    p, q : float, above 0
    seed : int in [0, 2^64)
    first_walk : int
        Number of the first walk; it is a part of the counter of each draw.
    walk_length : int
        Largest number of nodes of a walk.
    threads : int

    Returns
    -------
    nodes : int32 array, (n_drawn,)
        The nodes of all walks, one walk after the other.
    lengths : int64 array, (n_walks,)
    """
    core = _functions()
    n_walks = len(start_nodes)
    start_nodes = np.ascontiguousarray(start_nodes, np.int32)
    nodes = np.empty((n_walks, walk_length), np.int32)
    lengths = np.empty(n_walks, np.int64)

    def draw(begin: int, end: int) -> None:
        status = core.firth_walks_draw(
            len(starts) - 1,
            starts.ctypes.data,
            neighbors.ctypes.data,
            None if sums is None else sums.ctypes.data,
            p,
            q,
            seed,
            first_walk + begin,
            end - begin,
            walk_length,
            start_nodes[begin:].ctypes.data,
            nodes[begin:].ctypes.data,
            lengths[begin:].ctypes.data,
        )
        validate_status(core, status)

    borders = np.linspace(0, n_walks, max(1, min(threads, n_walks)) + 1).astype(int).tolist()
    Team().run([functools.partial(draw, begin, end) for begin, end in pairwise(borders)])
    if np.all(lengths == walk_length):
        return nodes.reshape(-1), lengths
    return nodes[np.arange(walk_length) < lengths[:, None]], lengths


@functools.cache
def _functions() -> ctypes.CDLL:
    core = library()
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    core.firth_walks_sums.restype = size
    core.firth_walks_sums.argtypes = [size, pointer, pointer, pointer]
    core.firth_walks_draw.restype = size
    arrays: list[Any] = [pointer] * 3
    draw = [size, *arrays, number, number, ctypes.c_uint64, size, size, size, *arrays]
    core.firth_walks_draw.argtypes = draw
    return core


__all__ = ["draw_walks", "running_sums"]
