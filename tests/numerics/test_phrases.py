"""Room tests/numerics: candidates, scores and joining, by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from firth.errors import ParameterError
from firth.numerics.phrases import count_candidates, find_candidates, join_tokens, score_candidates

ARRAYS = (np.array([5, 3, 2]), np.array([5, 6, 2]), np.array([10, 4, 2]))


def test_candidates_pass_over_connector_words() -> None:
    tokens = ["the", "bank", "of", "the", "north", "and", "of"]
    assert list(find_candidates(tokens, {"the", "of", "and"})) == [("bank", "of", "the", "north")]
    assert list(find_candidates(tokens)) == list(itertools.pairwise(tokens))
    words, candidates = count_candidates([["a", "b", "a", "b"], ["b"]])
    assert words == {"a": 2, "b": 3}
    assert candidates == {("a", "b"): 2, ("b", "a"): 1}


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        ("word2vec", [3 * 100 / 50, 1 * 100 / 24, 0.0]),
        ("gensim", [3 * 40 / 50, 1 * 40 / 24, 0.0]),
        (
            "npmi",
            [math.log(0.05 / (0.05 * 0.1)) / -math.log(0.05), math.log(0.03 / 0.0024) / -math.log(0.03), 1.0],
        ),
    ],
)
def test_scores_by_hand(scoring: str, expected: list[float]) -> None:
    scores = score_candidates(*ARRAYS, scoring=scoring, min_count=2, n_words=100, n_vocabulary=40)
    np.testing.assert_allclose(scores, expected, rtol=1e-14)


def test_npmi_of_rare_candidates_is_minus_infinity() -> None:
    scores = score_candidates(*ARRAYS, scoring="npmi", min_count=3, n_words=100, n_vocabulary=40)
    assert np.isfinite(scores).tolist() == [True, True, False]
    assert scores[2] == -np.inf


def test_counts_above_the_integers_of_float64() -> None:
    """The product of two counts is rounded once, as the quotient of Python's integers is."""
    big = np.array([2**40 + 1])
    scores = score_candidates(big, big, big + 2, scoring="gensim", min_count=1, n_words=1, n_vocabulary=2**45)
    assert scores[0] == 2**40 / float((2**40 + 1) * (2**40 + 3)) * 2**45


def test_joining_is_greedy_and_does_not_overlap() -> None:
    phrases = {("a", "b"), ("b", "a"), ("c", "of", "d"), ("d", "d")}
    joined = join_tokens([*"abab", "b", "of", "c", "of", "d", "of", *"ddd"], phrases, "+", {"of"})
    assert joined == ["a+b", "a+b", "b", "of", "c+of+d", "of", "d+d", "d"]
    assert join_tokens([], phrases) == []
    assert join_tokens(["of", "of"], phrases, "_", {"of"}) == ["of", "of"]


def test_scoring_must_be_known() -> None:
    with pytest.raises(ParameterError, match="scoring must be one of 'word2vec', 'gensim', 'npmi', got 'pmi'"):
        score_candidates(*ARRAYS, scoring="pmi", min_count=1, n_words=1, n_vocabulary=1)
