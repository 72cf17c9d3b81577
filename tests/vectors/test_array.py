"""Room tests/vectors: word vectors as an array, by NumPy 1's protocol and NumPy 2's."""

from __future__ import annotations

import numpy as np
import pytest

from firth.vectors import WordVectors


def test_as_an_array_vectors_are_their_matrix() -> None:
    vectors = WordVectors(["north", "south", "east"], np.arange(6, dtype=np.float32).reshape(3, 2))
    assert np.asarray(vectors) is vectors.matrix
    assert np.shares_memory(np.asarray(vectors), vectors.matrix)
    assert np.array_equal(np.asarray(vectors, np.float64), vectors.matrix)
    assert np.asarray(vectors, np.float64).dtype == np.float64
    copied = np.array(vectors)
    assert not np.shares_memory(copied, vectors.matrix)
    assert copied.flags.writeable
    assert np.vstack([vectors, vectors]).shape == (6, 2)
    assert np.mean(vectors) == 2.5


def test_the_protocol_of_either_numpy() -> None:
    vectors = WordVectors(["north", "south"], np.eye(2, dtype=np.float16))
    assert vectors.__array__() is vectors.matrix
    assert vectors.__array__(np.float32).dtype == np.float32
    assert vectors.__array__(copy=False) is vectors.matrix
    assert vectors.__array__(np.float16, copy=False) is vectors.matrix
    assert vectors.__array__(copy=True) is not vectors.matrix
    with pytest.raises(ValueError, match="a copy of the float16 matrix is needed for float64"):
        vectors.__array__(np.float64, copy=False)
