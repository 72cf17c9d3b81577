"""Room numerics: random walks on graphs: the probabilities of a step of second order (node2vec), in plain NumPy.

Tests: tests/numerics/test_walks.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def first_order_probabilities(weights: NDArray[np.float64], here: int) -> NDArray[np.float64]:
    """The probabilities of the first step from a node: P(x) = w(here, x) / sum_y w(here, y).

    Parameters
    ----------
    weights : float64 array, (N, N)
        ``weights[i, j]`` is the weight of the edge from node i to node j, and 0 if there is no such edge. The matrix
        of an undirected graph is symmetric.
    here : int in [0, N)

    Returns
    -------
    probabilities : float64 array, (N,)
        All zeros if no edge leaves the node.
    """
    total = weights[here].sum()
    return weights[here] / total if total > 0 else np.zeros(len(weights))


def second_order_probabilities(
    weights: NDArray[np.float64], previous: int, here: int, p: float = 1.0, q: float = 1.0
) -> NDArray[np.float64]:
    """The probabilities of a step from ``here`` in a walk that came from ``previous`` [1, section 3.2.2].

    P(x) is proportional to w(here, x) b(x). The bias b(x) depends on the distance from ``previous`` to x:

    - 1/p if x is ``previous`` (distance 0),
    - 1 if an edge goes from ``previous`` to x (distance 1),
    - 1/q otherwise (distance 2).

    In a directed graph the edge must have the direction from ``previous`` to x. With p = q = 1 the probabilities are
    those of the first order.

    Parameters
    ----------
    weights : float64 array, (N, N)
        As in ``first_order_probabilities``.
    previous, here : int in [0, N)
    p, q : float, above 0
        Return parameter and in-out parameter.

    Returns
    -------
    probabilities : float64 array, (N,)
        All zeros if no edge leaves ``here``.

    References
    ----------
    [1] Grover, Leskovec (2016), node2vec, arXiv:1607.00653.
    """
    bias = np.where(weights[previous] > 0, 1.0, 1.0 / q)
    bias[previous] = 1.0 / p
    unnormalized = weights[here] * bias
    total = unnormalized.sum()
    return unnormalized / total if total > 0 else np.zeros(len(weights))


__all__ = ["first_order_probabilities", "second_order_probabilities"]
