"""The samplers' distributions: hand values, exact alias tables, the formulas by a loop, validation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firth.errors import ParameterError, ShapeError
from firth.numerics import build_alias_table, keep_probabilities, noise_probabilities, window_probabilities

counts_lists = st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any)


def test_noise_by_hand() -> None:
    np.testing.assert_allclose(noise_probabilities([16, 1], 0.75), [8 / 9, 1 / 9], rtol=1e-15)
    np.testing.assert_allclose(noise_probabilities([3, 1], 1), [0.75, 0.25], rtol=1e-15)
    np.testing.assert_allclose(noise_probabilities([3, 1, 7], 0), [1 / 3] * 3, rtol=1e-15)
    np.testing.assert_allclose(noise_probabilities([3, 1], -1), [0.25, 0.75], rtol=1e-15)
    assert noise_probabilities([3, 0], 0).tolist() == noise_probabilities([3, 0], -1).tolist() == [1, 0]


@given(counts_lists, st.floats(-2, 2))
def test_noise_is_the_formula(counts, exponent) -> None:
    powers = [math.pow(count, exponent) if count else 0.0 for count in counts]
    np.testing.assert_allclose(noise_probabilities(counts, exponent), np.array(powers) / sum(powers), rtol=1e-12)


@pytest.mark.parametrize("exponent", [1000, -1000])
def test_noise_does_not_overflow(exponent) -> None:
    assert sorted(noise_probabilities([10**9, 1], exponent).tolist()) == [0, 1]


@given(counts_lists, st.floats(-2, 2))
def test_alias_table_is_the_distribution(counts, exponent) -> None:
    probabilities = noise_probabilities(counts, exponent)
    table = build_alias_table(probabilities)
    np.testing.assert_allclose(table.probabilities(), probabilities, atol=1e-15 * len(counts))
    assert np.all(table.probabilities()[probabilities == 0] == 0)
    assert np.all((table.threshold >= 0) & (table.threshold <= 1))
    assert (table.threshold.dtype, table.alias.dtype) == (np.float64, np.int32)


@given(arrays(np.float64, 9, elements=st.floats(0, 1e300)).filter(lambda weights: weights.any()))
def test_alias_table_takes_weights(weights) -> None:
    table = build_alias_table(weights)
    scaled = weights / weights.max()
    np.testing.assert_allclose(table.probabilities(), scaled / scaled.sum(), atol=1e-14)


def test_alias_table_by_hand() -> None:
    threshold, alias = build_alias_table([0.5, 0.25, 0.25])
    # Shares 1.5, 0.75, 0.75: the last small one is filled up first, then the other.
    assert threshold.tolist() == [1.0, 0.75, 0.75]
    assert alias.tolist() == [0, 0, 0]
    assert build_alias_table([1.0]).threshold.tolist() == [1.0]


def test_keep_by_hand() -> None:
    # f = 0.9 and 0.1 at t = 0.1: sqrt(1/9) + 1/9 = 4/9; sqrt(1) + 1 > 1.
    np.testing.assert_allclose(keep_probabilities([9, 1], 0.1), [4 / 9, 1.0], rtol=1e-15)
    assert keep_probabilities([9, 1], 0).tolist() == [1, 1]
    assert keep_probabilities([5, 0], 1e-3)[1] == 1


@given(counts_lists, st.floats(1e-6, 1))
def test_keep_is_word2vec_c(counts, subsample) -> None:
    train_words = sum(counts)
    for kept, cn in zip(keep_probabilities(counts, subsample), counts, strict=True):
        if cn:
            ran = (math.sqrt(cn / (subsample * train_words)) + 1) * (subsample * train_words) / cn
            assert kept == pytest.approx(min(1, ran), rel=1e-12)


def test_windows() -> None:
    assert window_probabilities(4, "fixed").tolist() == [0, 0, 0, 1]
    reaches = window_probabilities(4, "dynamic")
    assert reaches.tolist() == [0.25] * 4
    assert reaches[::-1].cumsum()[::-1].tolist() == [1, 0.75, 0.5, 0.25]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: noise_probabilities([0, 0], 0.75), ParameterError, "at least one count above 0"),
        (lambda: noise_probabilities([1], math.inf), ParameterError, "noise_exponent must be a finite number"),
        (lambda: noise_probabilities([[1]], 1), ShapeError, "counts must have the shape"),
        (lambda: build_alias_table([]), ShapeError, "at least one word"),
        (lambda: build_alias_table([0.0, 0.0]), ParameterError, "not all zero"),
        (lambda: build_alias_table([0.5, -0.5]), ParameterError, "not negative"),
        (lambda: build_alias_table([np.nan]), ParameterError, "must be finite"),
        (lambda: keep_probabilities([1], -1), ParameterError, "subsample must be"),
        (lambda: keep_probabilities([1], math.nan), ParameterError, "subsample must be"),
        (lambda: window_probabilities(0, "fixed"), ParameterError, "window must be at least 1, got 0"),
        (lambda: window_probabilities(3, "wide"), ParameterError, "window_mode must be one of 'dynamic', 'fixed'"),
    ],
)
def test_validation(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
