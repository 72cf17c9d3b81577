"""Whatever holds words and vectors becomes WordVectors; what does not is refused by the parameter's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import ParameterError, ShapeError
from firth.vectors.conversion import as_word_vectors

MATRIX = np.array([[1, 2], [3, 4]], np.float32)


def test_every_kind_becomes_word_vectors(tmp_path: Path) -> None:
    table = firth.VectorTable(["a", "b"], MATRIX, np.array([3, 2]))
    firth.write_vectors(tmp_path / "v.txt", table)
    given = firth.WordVectors(["a", "b"], MATRIX)
    assert as_word_vectors(given) is given
    for vectors in (table, {"a": [1, 2], "b": MATRIX[1]}, tmp_path / "v.txt", str(tmp_path / "v.txt")):
        found = as_word_vectors(vectors)
        assert list(found.words) == ["a", "b"]
        np.testing.assert_array_equal(found.matrix, MATRIX)
    counts = as_word_vectors(table).counts
    assert counts is not None
    assert counts.tolist() == [3, 2]


def test_what_holds_no_vectors_is_refused() -> None:
    with pytest.raises(ParameterError, match="^start must be WordVectors, a mapping from word to vector, .* got int$"):
        as_word_vectors(7, "start")
    with pytest.raises(ParameterError, match="^start must have at least one word, got an empty mapping$"):
        as_word_vectors({}, "start")
    with pytest.raises(ShapeError, match=r"one length, got shape \(2,\) for 'a' and \(3,\) for 'b'$"):
        as_word_vectors({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(ShapeError, match="one length"):
        as_word_vectors({"a": [[1, 2]]})
