"""Room compat: the functions of gensim.matutils that programs with word vectors use.

A sparse vector is a list of pairs (number of the column, value).

Tests: tests/compat/gensim/test_utils.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.values import validate_choice
from firth.compat.gensim.refused import make_stand_in
from firth.errors import ParameterError

_NORMS = ("l1", "l2", "unique")
# Names of gensim.matutils that programs import, and what to use instead.
_ADVICE = {
    "Sparse2Corpus": "iterate over the columns of the SciPy matrix",
    "Dense2Corpus": "iterate over the columns of the array",
    "MmWriter": "scipy.io.mmwrite does the same",
    "MmReader": "scipy.io.mmread does the same",
    "corpus2csc": "scipy.sparse.csc_matrix does the same",
    "corpus2dense": "fill a NumPy array",
    "hellinger": "gensim has it",
    "jaccard": "gensim has it",
    "jensen_shannon": "scipy.spatial.distance.jensenshannon has it",
    "kullback_leibler": "scipy.stats.entropy has it",
}


def unitvec(vec: Any, norm: str = "l2", return_norm: bool = False) -> Any:
    """A vector divided by its norm; a vector of norm 0 is not changed.

    Parameters
    ----------
    vec : array, SciPy sparse matrix, or sparse vector
    norm : {"l2", "l1", "unique"}
        Euclidean length, sum of absolute values, or number of values that are not 0.
    return_norm : bool
        Return the vector and its norm; the norm of a zero vector is given as 1, as in gensim.

    Raises
    ------
    ParameterError
    """
    validate_choice("norm", norm, _NORMS)
    is_pairs = not isinstance(vec, np.ndarray) and not hasattr(vec, "tocsr")
    if is_pairs:
        vec = list(vec)
        if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in vec):
            raise ParameterError("vec must be an array, a sparse matrix or pairs of number and value, got other items")
        values = np.array([value for _, value in vec], np.float64)
    elif isinstance(vec, np.ndarray):
        values = vec
    else:
        vec = vec.tocsr()
        values = vec.data
    length = _length(values, norm)
    if length > 0:
        if is_pairs:
            vec = [(number, value / length) for number, value in vec]
        else:
            dtype = vec.dtype if vec.dtype.kind == "f" else np.float64
            vec = (vec / length).astype(dtype)
    return (vec, length or 1.0) if return_norm else vec


def _length(values: NDArray[Any], norm: str) -> float:
    if norm == "unique":
        return float(np.count_nonzero(values))
    wide = np.abs(values.astype(np.float64))
    return float(wide.sum() if norm == "l1" else np.sqrt(np.sum(wide * wide)))


def cossim(vec1: Iterable[tuple[int, float]], vec2: Iterable[tuple[int, float]]) -> float:
    """Cosine of two sparse vectors; 0 if one has no value that is not 0."""
    first, second = dict(vec1), dict(vec2)
    lengths = math.sqrt(math.fsum(x * x for x in first.values()) * math.fsum(x * x for x in second.values()))
    products = math.fsum(value * second.get(number, 0.0) for number, value in first.items())
    return products / lengths if lengths else 0.0


def argsort(x: Any, topn: int | None = None, reverse: bool = False) -> NDArray[np.int64]:
    """The indices of the ``topn`` smallest values in rising order; of the largest in falling order if ``reverse``."""
    values = np.asarray(x)
    order = np.argsort(-values if reverse else values, kind="stable")
    return order if topn is None else order[: max(0, topn)]


def sparse2full(doc: Iterable[tuple[int, float]], length: int) -> NDArray[np.float32]:
    """The array (length,) of a sparse vector."""
    full = np.zeros(length, np.float32)
    for number, value in doc:
        full[int(number)] = value
    return full


def full2sparse(vec: Any, eps: float = 1e-9) -> list[tuple[int, float]]:
    """The sparse vector of an array: its values above ``eps`` in size."""
    values = np.asarray(vec, np.float64)
    return [(number, float(values[number])) for number in np.flatnonzero(np.abs(values) > eps).tolist()]


def any2sparse(vec: Any, eps: float = 1e-9) -> list[tuple[int, float]]:
    """The sparse vector of an array, of a SciPy sparse row, or of a sparse vector, without values up to ``eps``."""
    if isinstance(vec, np.ndarray):
        return full2sparse(vec, eps)
    if hasattr(vec, "tocsr"):
        row = vec.tocsr()
        if row.shape[0] != 1:
            raise ParameterError(f"vec must be one row, got shape {row.shape}")
        vec = zip(row.indices.tolist(), row.data.tolist(), strict=True)
    return [(int(number), float(value)) for number, value in vec if abs(value) > eps]


def __getattr__(name: str) -> Any:
    if name in _ADVICE:
        return make_stand_in(name, _ADVICE[name], __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["any2sparse", "argsort", "cossim", "full2sparse", "sparse2full", "unitvec"]
