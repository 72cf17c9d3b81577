"""Alignment, words that moved, principal components."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.vectors import WordVectors, align_spaces, most_moved, principal_components, spaces


@pytest.fixture
def random_space() -> WordVectors:
    rng = np.random.default_rng(0)
    return WordVectors([f"w{i}" for i in range(400)], rng.standard_normal((400, 8)), counts=np.arange(400, 0, -1))


def rotation_of(n_dims: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(1).standard_normal((n_dims, n_dims)))[0]


@pytest.mark.parametrize("block_rows", [7, 1000])
def test_a_rotation_is_found_and_undone(
    random_space: WordVectors, block_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spaces, "rows_in_block", lambda width: block_rows)
    rotation = rotation_of(8)
    order = np.random.default_rng(2).permutation(400)
    turned = WordVectors([f"w{i}" for i in order], (random_space.matrix @ rotation)[order])
    alignment = align_spaces(turned, random_space)
    np.testing.assert_allclose(alignment.rotation, rotation.T, atol=1e-6)
    np.testing.assert_allclose(alignment.rotation @ alignment.rotation.T, np.eye(8), atol=1e-12)
    assert alignment.n_shared == 400
    assert alignment.mean_similarity == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(alignment.vectors[list(random_space)], random_space.matrix, atol=1e-5)


def test_words_that_moved(random_space: WordVectors) -> None:
    matrix = random_space.matrix @ rotation_of(8).astype(np.float32)
    matrix[[20, 350]] *= -1
    later = WordVectors([*list(random_space)[:399], "new"], matrix)
    aligned = align_spaces(random_space, later).vectors
    moved = most_moved(aligned, later, top=3)
    assert {neighbor.word for neighbor in moved[:2]} == {"w20", "w350"}
    assert moved[0].similarity < -0.8
    assert moved[2].similarity > 0.99
    assert len(most_moved(aligned, later, top=None)) == 399
    assert most_moved(aligned, later, words=100, top=2)[0].word == "w20"
    assert [n.word for n in most_moved(aligned, later, words=["w1", "w350"])] == ["w350", "w1"]
    assert aligned.counts.tolist() == random_space.counts.tolist()
    integers = WordVectors([7, 9], np.eye(2))
    assert most_moved(integers, integers) == [(7, 1.0), (9, 1.0)]


def test_the_alignment_is_the_best_rotation(random_space: WordVectors) -> None:
    """No other rotation, and no nearby one, brings the shared unit vectors nearer; SciPy finds the same."""
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(3)
    target = WordVectors(list(random_space), random_space.matrix + 0.5 * rng.standard_normal((400, 8)))
    alignment = align_spaces(random_space, target, words=300)
    assert alignment.n_shared == 300
    x, y = (v.matrix[:300] / v.norms[:300, None] for v in (random_space, target))
    np.testing.assert_allclose(alignment.rotation, linalg.orthogonal_procrustes(x, y)[0], atol=1e-5)
    np.testing.assert_allclose(alignment.mean_similarity, np.mean(np.sum((x @ alignment.rotation) * y, 1)), atol=1e-6)


def test_refused_alignments(random_space: WordVectors) -> None:
    with pytest.raises(ShapeError, match="both spaces must have the same dims, got 8 and 2"):
        align_spaces(random_space, WordVectors(["w1"], np.ones((1, 2))))
    with pytest.raises(ParameterError, match="both spaces must share words, got none in common"):
        align_spaces(random_space, WordVectors(["x"], np.ones((1, 8))))
    with pytest.raises(UnknownWordError):
        align_spaces(random_space, random_space, words=["x"])
    with pytest.raises(ParameterError, match="words must be at least 1, got 0"):
        align_spaces(random_space, random_space, words=0)
    with pytest.raises(ParameterError, match="top must be at least 1, got 0"):
        most_moved(random_space, random_space, top=0)
    with pytest.raises(ParameterError, match="the vector of 'bad' must be finite"):
        align_spaces(WordVectors(["bad"], [[np.nan]]), WordVectors(["bad"], [[1.0]]))
    with pytest.raises(ParameterError, match="words must be a list of words, got 'w1'"):
        align_spaces(random_space, random_space, words="w1")


@pytest.mark.parametrize("block_rows", [7, 1000])
def test_principal_components(random_space: WordVectors, block_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "rows_in_block", lambda width: block_rows)
    scaled = WordVectors(list(random_space), random_space.matrix * np.arange(8, 0, -1) + 5)
    found = principal_components(scaled, n_components=3)
    centered = scaled.matrix.astype(float) - scaled.matrix.astype(float).mean(axis=0)
    _, values, directions = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(found.components * directions[:3], axis=1)), 1, atol=1e-9)
    np.testing.assert_allclose(found.explained, values[:3] ** 2 / np.sum(values**2), atol=1e-9)
    np.testing.assert_allclose(found.coordinates, centered @ found.components.T, atol=1e-9)
    assert (found.components[np.arange(3), np.argmax(np.abs(found.components), axis=1)] > 0).all()
    some = principal_components(scaled, ["w3", "w1", "w2"])
    assert some.coordinates.shape == (3, 2)
    assert some.explained.sum() == pytest.approx(1)


def test_refused_components(random_space: WordVectors) -> None:
    with pytest.raises(ParameterError, match="n_components must be at least 1, got 0"):
        principal_components(random_space, n_components=0)
    with pytest.raises(ParameterError, match="n_components must be at most the dims, 8, got 9"):
        principal_components(random_space, n_components=9)
    with pytest.raises(ParameterError, match="words must be at least 2, got 1"):
        principal_components(random_space, ["w1"])
    with pytest.raises(ParameterError, match="vectors must be finite"):
        principal_components(WordVectors(["a", "b"], [[np.inf], [1]]), n_components=1)
    same = principal_components(WordVectors(["a", "b"], [[1, 1], [1, 1]]))
    assert same.explained.tolist() == [0, 0]
