"""Vectors of texts by hand and by scikit-learn; word mover's distance by hand and by gensim."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from firth.errors import CorpusTypeError, MissingExtraError, ParameterError, ShapeError, UnknownWordError
from firth.native import vector_sums
from firth.vectors import (
    WordVectors,
    common_component,
    idf_weights,
    sif_weights,
    text_vectors,
    texts,
    without_component,
    word_movers_distance,
)


@pytest.fixture
def abc() -> WordVectors:
    return WordVectors(["a", "b", "c"], [[2, 0], [0, 1], [1, 1]], counts=[6, 3, 1])


def test_means(abc: WordVectors) -> None:
    found = text_vectors(abc, [["a", "b"], ["a", "a", "b", "?"], [], ["?"]])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[1, 0.5], [4 / 3, 1 / 3], [0, 0], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(text_vectors(abc, [["a", "b"]], normalize_words=True), [[0.5, 0.5]])
    assert text_vectors(abc, []).shape == (0, 2)
    np.testing.assert_allclose(text_vectors(abc, iter([("a",), iter("ab")])), [[2, 0], [1, 0.5]])


def test_inverse_document_frequencies(abc: WordVectors) -> None:
    corpus = [["a", "b", "a"], ["a", "c"], ["a", "?"]]
    expected = 1 + np.log(4 / np.array([4, 2, 2]))
    np.testing.assert_allclose(idf_weights(abc, corpus), expected)
    found = text_vectors(abc, corpus, weighting="idf")
    a, b, c = expected
    np.testing.assert_allclose(found[0], (2 * a * np.array([2, 0]) + b * np.array([0, 1])) / (2 * a + b), rtol=1e-6)
    np.testing.assert_allclose(found[1], (a * np.array([2, 0]) + c * np.array([1, 1])) / (a + c), rtol=1e-6)
    # new texts as the old ones
    np.testing.assert_allclose(text_vectors(abc, corpus[:1], weights=idf_weights(abc, corpus)), found[:1], rtol=1e-6)


def test_idf_is_scikit_learns(abc: WordVectors) -> None:
    feature_extraction = pytest.importorskip("sklearn.feature_extraction.text")
    corpus = [["a", "b", "a"], ["a", "c"], ["a"], ["b"]]
    vectorizer = feature_extraction.TfidfVectorizer(analyzer=list).fit(corpus)
    np.testing.assert_allclose(idf_weights(abc, corpus), vectorizer.idf_)


def test_smooth_inverse_frequencies(abc: WordVectors) -> None:
    np.testing.assert_allclose(sif_weights(abc, 0.1), 0.1 / (0.1 + np.array([0.6, 0.3, 0.1])))
    corpus = [["a", "b"], ["c", "?", "c"], ["b", "c", "a"]]
    a, b, c = sif_weights(abc)
    va, vb, vc = np.array([[2, 0], [0, 1], [1, 1]])
    plain = np.array([(a * va + b * vb) / 2, c * vc, (a * va + b * vb + c * vc) / 3])
    component = np.linalg.svd(plain)[2][0]
    expected = plain - np.outer(plain @ component, component)
    found = text_vectors(abc, corpus, weighting="sif")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(text_vectors(abc, corpus, weighting="sif", remove_component=False), plain, atol=1e-6)
    np.testing.assert_allclose(
        text_vectors(abc, corpus[:1], weighting="sif", remove_component=common_component(plain)), found[:1], atol=1e-6
    )
    with pytest.raises(ParameterError, match="counts must be known for SIF"):
        text_vectors(WordVectors(["a"], [[1]]), [["a"]], weighting="sif")


def test_common_component() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 6)) + 1
    component = common_component(rows)
    reference = np.linalg.svd(rows)[2][0]
    np.testing.assert_allclose(np.abs(component @ reference), 1)
    assert component[np.argmax(np.abs(component))] > 0
    np.testing.assert_allclose(without_component(rows, 3 * component) @ component, 0, atol=1e-12)
    with pytest.raises(ShapeError, match=r"component must have shape \(6,\), got \(2,\)"):
        without_component(rows, [1, 0])
    with pytest.raises(ParameterError, match="component must be finite"):
        without_component(rows, [math.nan] * 6)
    with pytest.raises(ShapeError, match="at least one row"):
        common_component(np.zeros((0, 2)))


def test_refused_texts(abc: WordVectors) -> None:
    with pytest.raises(ParameterError, match=r"texts must be lists of words, got one string; split it"):
        text_vectors(abc, "a b")
    with pytest.raises(ParameterError, match=r"texts must be lists of words, got 'a b' at 1; split it: text.split\(\)"):
        text_vectors(abc, [["a"], "a b"])
    with pytest.raises(UnknownWordError, match="'zz' is not in the vocabulary"):
        text_vectors(abc, [["a", "zz"]], unknown="error")
    with pytest.raises(ParameterError, match="weighting must be one of 'mean', 'idf', 'sif', got 'bm25'"):
        text_vectors(abc, [["a"]], weighting="bm25")
    with pytest.raises(ShapeError, match="weights must have one number for each of 3 rows"):
        text_vectors(abc, [["a"]], weights=[1.0])
    with pytest.raises(ParameterError, match="weights must be finite"):
        text_vectors(abc, [["a"]], weights=[1, 2, math.inf])
    with pytest.raises(ParameterError, match="the vector of 'bad' must be finite"):
        text_vectors(WordVectors(["bad"], [[math.nan]]), [["bad"]])
    with pytest.raises(ParameterError, match="a must be above 0, got 0"):
        sif_weights(abc, 0)


def test_word_movers_distance_by_hand(abc: WordVectors) -> None:
    pytest.importorskip("ot", reason="POT is not installed")
    assert word_movers_distance(abc, ["a", "a"], ["a"]) == 0
    assert word_movers_distance(abc, ["a"], ["b"]) == pytest.approx(math.sqrt(2))
    assert word_movers_distance(abc, ["a"], ["b"], normalize_words=False) == pytest.approx(math.sqrt(5))
    # half of a's weight stays, half goes to b
    assert word_movers_distance(abc, ["a"], ["a", "b"]) == pytest.approx(math.sqrt(2) / 2)
    assert word_movers_distance(abc, ["a"], ["?"]) == math.inf
    with pytest.raises(UnknownWordError):
        word_movers_distance(abc, ["a"], ["?"], unknown="error")


def test_word_movers_distance_without_pot(abc: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(MissingExtraError, match=r"needs POT, which is not installed: pip install 'firth\[transport\]'"):
        word_movers_distance(abc, ["a"], ["b"])


@pytest.mark.data
def test_word_movers_distance_is_gensims(glove: WordVectors) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed")
    pytest.importorskip("ot", reason="POT is not installed")
    keyed = keyedvectors.KeyedVectors(glove.dims)
    keyed.add_vectors(list(glove), glove.matrix.copy())
    first = ["the", "president", "speaks", "to", "the", "media", "in", "illinois", "unknownword"]
    second = ["the", "press", "meets", "the", "president", "in", "chicago"]
    for norm in (True, False):
        expected = keyed.wmdistance(first, second, norm=norm)
        assert word_movers_distance(glove, first, second, normalize_words=norm) == pytest.approx(expected, rel=1e-5)


def test_a_text_in_a_column_is_no_word(abc: WordVectors) -> None:
    for column in (np.array(["a b", "b"]), np.array(["a b", "b"], object)):
        with pytest.raises(CorpusTypeError, match=r"^texts\[1\] must be a list of tokens, got an array with a text in"):
            text_vectors(abc, [["a"], column])
    np.testing.assert_allclose(text_vectors(abc, [np.array(["a", "b"])]), text_vectors(abc, [["a", "b"]]))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("layout", ["whole", "rows apart", "by columns"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_a_loop_to_the_last_bit(dtype: type, layout: str, weighted: bool) -> None:
    """Each sum is added up in float64 in the order of its tokens, whatever else is in the call."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(40, 24)).astype(dtype)
    rows = {"whole": matrix, "rows apart": matrix[:, :19], "by columns": np.asfortranarray(matrix)}[layout]
    vectors = WordVectors([f"w{i}" for i in range(40)], rows)
    borders = np.concatenate([[0], np.cumsum(rng.integers(0, 9, 60))])
    token_ids = rng.integers(0, 40, borders[-1])
    weights = rng.normal(size=len(token_ids)) if weighted else np.ones(len(token_ids))
    expected = np.zeros((60, rows.shape[1]))
    for text in range(60):
        for token in range(borders[text], borders[text + 1]):
            expected[text] += weights[token] * rows[token_ids[token]].astype(np.float64)
    given = weights if weighted else None
    assert np.array_equal(texts.sum_rows(vectors, token_ids, borders, given), expected)
    for text in range(60):  # alone, and so in a batch of another size
        part = slice(borders[text], borders[text + 1])
        alone = texts.sum_rows(vectors, token_ids[part], borders[text : text + 2] - borders[text], weights[part])
        assert np.array_equal(alone[0], expected[text])


def test_sums_of_unit_vectors() -> None:
    vectors = WordVectors(["long", "none", "tiny"], [[3e30, 4e30], [0, 0], [1e-35, 0]])
    found = texts.sum_rows(vectors, np.array([0, 1, 2, 0]), np.array([0, 2, 4]), normalize_words=True)
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_a_row_that_is_not_finite_is_named_with_any_weight() -> None:
    vectors = WordVectors(["fine", "bad"], [[1, 1], [np.inf, 0]])
    for weights in (None, np.zeros(3)):
        with pytest.raises(ParameterError, match="the vector of 'bad' must be finite"):
            texts.sum_rows(vectors, np.array([0, 0, 1]), np.array([0, 1, 3]), weights)
    with pytest.raises(ParameterError, match="token_ids must be rows of the matrix"):
        vector_sums.sum_rows(np.ones((1, 2), np.float32), np.array([1]), np.array([0, 1]), None, normalize=False)
    with pytest.raises(ValueError, match="borders must rise from 0 to 1"):
        vector_sums.sum_rows(np.ones((1, 2), np.float32), np.array([0]), np.array([0, 2]), None, normalize=False)
