"""fastText's module ``util``: scores, a nearest row, models of fewer dimensions, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import firth.compat.fasttext as fasttext
from firth.compat.fasttext import util
from firth.compat.fasttext.refused import NotPossibleError
from firth.errors import CorpusError, ParameterError

GOLDEN = Path(__file__).parents[2] / "classification" / "golden"


def test_scores() -> None:
    assert util.test([["a"], ["b"]], [["a"], ["a", "b"]]) == (1.0, 2 / 3)
    assert util.test([["a", "b"], ["c", "b"]], [["a"], ["a"]], k=2) == (0.25, 0.5)
    with pytest.raises(CorpusError, match="labels must have a true label at least"):
        util.test([["a"]], [[]])
    with pytest.raises(ValueError, match="shorter"):
        util.test([["a"], ["b"]], [["a"]])


def test_nearest_row() -> None:
    rows = np.array([[1.0, 0], [0.9, 0.1], [0, 1]])
    products = np.zeros(3)
    assert util.find_nearest_neighbor(rows[0], rows, set(), products) == 0
    assert products.tolist() == [1, 0.9, 0]
    assert util.find_nearest_neighbor(rows[0], rows, {0}) == 1
    with pytest.raises(ParameterError, match="ban_set must leave a row"):
        util.find_nearest_neighbor(rows[0], rows, {0, 1, 2})


def test_reduced_models_keep_the_largest_directions() -> None:
    model = fasttext.load_model(GOLDEN / "one-vs-all.bin")
    matrix = model.get_input_matrix()
    before = model.predict("a b c")[0]
    assert util.reduce_model(model, 10) is model
    assert model.get_dimension() == 10
    reduced = model.get_input_matrix()
    variances = np.sort(np.linalg.eigvalsh(np.cov(matrix.T)))[::-1]
    assert np.allclose(np.sort(np.linalg.eigvalsh(np.cov(reduced.T)))[::-1], variances[:10], rtol=1e-3)
    assert model.predict("a b c")[0] == before


def test_bad_dimensions() -> None:
    model = fasttext.load_model(GOLDEN / "softmax.bin")
    for dimension in (0, 5, 2.0, True):
        with pytest.raises(ParameterError, match="target_dim must lie in 1 to 4"):
            util.reduce_model(model, dimension)  # type: ignore[arg-type]


def test_downloads_are_refused() -> None:
    with pytest.raises(NotPossibleError, match=r"cc\.en\.300\.bin\.gz"):
        util.download_model("en", if_exists="ignore")
