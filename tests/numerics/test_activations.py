"""Activations: hand values, the last bits at +-1000, types and shapes, identities, the course's own test ideas."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from firth.errors import ParameterError, ShapeError
from firth.numerics import log_sigmoid, log_softmax, sigmoid, sigmoid_gradient, softmax

DIGITS = 900  # 1 - s(1000) is 1e-435
ELEMENTWISE = [sigmoid, log_sigmoid, sigmoid_gradient]
ALONG_AXIS = [softmax, log_softmax]

finite = st.floats(-1000, 1000)
tensors = arrays(np.float64, array_shapes(min_dims=1, max_dims=7, max_side=3), elements=finite)


def exact_sigmoid(x: float) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return 1 / (1 + (-Decimal(x)).exp())


def test_hand_values() -> None:
    np.testing.assert_allclose(
        sigmoid([[1, 2], [-1, -2]]), [[0.73105858, 0.88079708], [0.26894142, 0.11920292]], atol=5e-9
    )
    np.testing.assert_allclose(softmax([[1001, 1002], [3, 4]]), [[0.26894142, 0.73105858]] * 2, atol=5e-9)
    assert sigmoid(0) == 0.5
    assert log_sigmoid(0) == -math.log(2)
    assert sigmoid_gradient(0.5) == 0.25
    np.testing.assert_allclose(log_softmax([0.0, math.log(3)]), [math.log(0.25), math.log(0.75)], rtol=1e-15)


@pytest.mark.parametrize("x", [-1000, -745, -700, -40, -37, -1.5, -1e-9, 0, 1e-9, 1.5, 20, 36, 37, 40, 700, 1000])
def test_last_bits(x: float) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        value = exact_sigmoid(x)
        logarithm = value.ln()
    # A unit in the last place is 1.1e-16 to 2.2e-16; below 2.2e-308 numbers are spaced by 4.9e-324.
    assert abs(float(sigmoid(x)) - float(value)) <= 4 * np.spacing(float(value))
    assert abs(float(log_sigmoid(x)) - float(logarithm)) <= 4 * np.spacing(abs(float(logarithm)))


def test_saturation_is_finite_and_silent() -> None:
    extremes = np.array([-1e308, -1000.0, 1000.0, 1e308])
    with np.errstate(all="raise"):
        assert sigmoid(extremes).tolist() == [0, 0, 1, 1]
        assert log_sigmoid(extremes).tolist() == [-1e308, -1000, 0, 0]
        assert softmax(extremes[1:3]).tolist() == [0, 1]
        assert log_softmax(extremes[1:3]).tolist() == [-2000, 0]
        assert softmax(extremes).tolist() == [0, 0, 0, 1]


def test_infinite_inputs() -> None:
    assert sigmoid([-np.inf, np.inf]).tolist() == [0, 1]
    assert log_sigmoid([-np.inf, np.inf]).tolist() == [-np.inf, 0]
    assert softmax([-np.inf, 0.0]).tolist() == [0, 1]
    assert np.isnan(sigmoid(np.nan))


def test_log_softmax_keeps_the_bits_near_zero() -> None:
    # log(1 / (1 + exp(-40))) = -exp(-40) to 18 digits; a logarithm of the rounded sum would give 0.
    assert log_softmax([0.0, -40.0])[0] == pytest.approx(-math.exp(-40), rel=1e-14)


@pytest.mark.parametrize("function", ELEMENTWISE + ALONG_AXIS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_float_type_is_kept(function, dtype) -> None:
    x = np.array([[0.25, -0.5], [0.75, 0.125]], dtype)
    result = function(x)
    assert result.dtype == dtype
    expected = function(x.astype(np.float64))
    np.testing.assert_allclose(result.astype(np.float64), expected, rtol=8 * max(np.finfo(dtype).eps, 1e-16))


@pytest.mark.parametrize("function", ELEMENTWISE + ALONG_AXIS)
def test_integers_become_doubles_and_inputs_stay(function) -> None:
    x = np.array([[1, 0], [2, 3]])
    assert function(x).dtype == np.float64
    floats = np.array([[1.0, -2.0], [0.5, 3.0]])
    before = floats.copy()
    function(floats)
    np.testing.assert_array_equal(floats, before)
    np.testing.assert_array_equal(function(floats.tolist()), function(floats))


@pytest.mark.parametrize("function", ELEMENTWISE + ALONG_AXIS)
def test_scalars_give_scalars(function) -> None:
    assert isinstance(function(0.5), np.float64)
    assert isinstance(function(1), np.float64)
    assert isinstance(function(np.float32(0.5)), np.float32)
    assert isinstance(function(np.array(0.5)), np.float64)


@pytest.mark.parametrize("function", ELEMENTWISE + ALONG_AXIS)
@pytest.mark.parametrize("wrong", [1j, "a", np.array(["a"]), None])
def test_what_is_no_real_number_is_refused(function, wrong) -> None:
    with pytest.raises(ParameterError, match="must hold real numbers"):
        function(wrong)


@pytest.mark.parametrize("function", ALONG_AXIS)
def test_axes_that_do_not_exist_are_refused(function) -> None:
    with pytest.raises(ShapeError, match="axis must be in"):
        function(np.zeros((2, 2)), axis=2)
    with pytest.raises(ShapeError, match="at least one class"):
        function(np.zeros((2, 0)))
    with pytest.raises(ParameterError, match="axis must be an integer"):
        function(np.zeros((2, 2)), axis=0.5)


@given(tensors)
def test_shapes_and_probabilities(x) -> None:
    assert sigmoid(x).shape == log_sigmoid(x).shape == x.shape
    for axis in range(-x.ndim, x.ndim):
        probabilities = softmax(x, axis=axis)
        assert probabilities.shape == x.shape
        np.testing.assert_allclose(probabilities.sum(axis=axis), 1, rtol=1e-13)
        np.testing.assert_allclose(np.exp(log_softmax(x, axis=axis)), probabilities, rtol=1e-12, atol=1e-300)


@given(tensors, st.floats(-1000, 1000))
def test_softmax_does_not_see_a_constant(x, constant) -> None:
    np.testing.assert_allclose(softmax(x + constant), softmax(x), rtol=1e-11, atol=1e-300)


@given(tensors, st.randoms(use_true_random=False))
def test_permuting_the_input_permutes_the_output(x, random) -> None:
    for axis, size in enumerate(x.shape):
        order = list(range(size))
        random.shuffle(order)
        moved = np.take(x, order, axis=axis)
        np.testing.assert_array_equal(sigmoid(moved), np.take(sigmoid(x), order, axis=axis))
        np.testing.assert_allclose(softmax(moved), np.take(softmax(x), order, axis=axis), rtol=1e-14)


@given(finite)
def test_two_classes_are_the_sigmoid(x) -> None:
    assert softmax([x, 0.0])[0] == pytest.approx(sigmoid(x), rel=1e-13)
    assert log_softmax([x, 0.0])[0] == pytest.approx(log_sigmoid(x), rel=1e-13, abs=1e-323)


@given(finite)
def test_sigmoid_identities(x) -> None:
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1, rel=1e-15)
    assert log_sigmoid(x) - log_sigmoid(-x) == pytest.approx(x, rel=1e-14, abs=1e-15)


@given(st.floats(-8, 8))
def test_sigmoid_gradient_is_the_derivative(x) -> None:
    h = 1e-3
    difference = (8 * (sigmoid(x + h) - sigmoid(x - h)) - (sigmoid(x + 2 * h) - sigmoid(x - 2 * h))) / (12 * h)
    assert sigmoid_gradient(sigmoid(x)) == pytest.approx(difference, rel=1e-9)
