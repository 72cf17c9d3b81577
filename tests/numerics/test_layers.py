"""Layers: hand values, every gradient by the checker, shapes, and that the checker fails on wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import ShapeError
from firth.numerics import affine_backward, affine_forward, check_gradient, sigmoid_backward, sigmoid_forward


def test_affine_by_hand() -> None:
    out, cache = affine_forward([[1.0, 2.0]], [[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]], [0.5, 0.0, 1.0])
    assert out.tolist() == [[5.5, 2.0, 0.0]]
    x_gradient, weights_gradient, bias_gradient = affine_backward([[1.0, 2.0, 3.0]], cache)
    assert x_gradient.tolist() == [[-2.0, 4.0]]
    assert weights_gradient.tolist() == [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]
    assert bias_gradient.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("bias_shape", [(3,), (1, 3)])
@pytest.mark.parametrize("x_shape", [(4, 6), (4, 2, 3)])
def test_affine_gradients(x_shape, bias_shape) -> None:
    rng = np.random.default_rng(1)
    upstream = rng.normal(size=(4, 3))

    def loss(p):
        out, cache = affine_forward(p["x"], p["weights"], p["bias"])
        return np.sum(upstream * out), dict(zip(p, affine_backward(upstream, cache), strict=True))

    point = {"x": rng.normal(size=x_shape), "weights": rng.normal(size=(6, 3)), "bias": rng.normal(size=bias_shape)}
    report = check_gradient(loss, point, raise_on_error=True)
    assert report.n_compared == 24 + 18 + 3


@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_sigmoid_gradients(scale) -> None:
    rng = np.random.default_rng(2)
    upstream = rng.normal(size=(3, 4))

    def loss(x):
        out, cache = sigmoid_forward(x)
        return np.sum(upstream * out), sigmoid_backward(upstream, cache)

    check_gradient(loss, scale * rng.normal(size=(3, 4)), raise_on_error=True)


def test_checker_fails_on_a_forgotten_transpose() -> None:
    rng = np.random.default_rng(3)
    upstream, x = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))

    def loss(weights):
        out, cache = affine_forward(x, weights, np.zeros(4))
        return np.sum(upstream * out), affine_backward(upstream, cache)[1].T

    assert check_gradient(loss, rng.normal(size=(4, 4))).codes == ("transposed",)


def test_types_are_kept() -> None:
    x, weights, bias = (np.ones(shape, np.float32) for shape in ((2, 3), (3, 4), (4,)))
    out, cache = affine_forward(x, weights, bias)
    assert {array.dtype for array in (out, *affine_backward(out, cache))} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("x", "weights", "bias", "message"),
    [
        ((2, 3), (4, 5), (5,), "x must have 4 values an example"),
        ((4,), (4, 5), (5,), "x must have the shape"),
        ((2, 4), (4, 5), (4,), "bias must have the shape"),
        ((2, 4), (4,), (4,), "weights must have the shape"),
    ],
)
def test_shapes_are_validated(x, weights, bias, message) -> None:
    with pytest.raises(ShapeError, match=message):
        affine_forward(np.zeros(x), np.zeros(weights), np.zeros(bias))


def test_backward_validates_the_gradient() -> None:
    _, cache = affine_forward(np.zeros((2, 3)), np.zeros((3, 4)), np.zeros(4))
    with pytest.raises(ShapeError, match="gradient must have the shape"):
        affine_backward(np.zeros((2, 3)), cache)
    with pytest.raises(ShapeError, match="gradient must have the shape"):
        sigmoid_backward(np.zeros(3), sigmoid_forward(np.zeros(4))[1])
