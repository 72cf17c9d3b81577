"""Room numerics: layers as pairs of functions: forward returns output and cache; backward returns gradients."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ShapeError
from firth.numerics._arrays import FloatArray, as_floats, validate_dimensions
from firth.numerics.activations import sigmoid, sigmoid_gradient

AffineCache: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]


def affine_forward(x: ArrayLike, weights: ArrayLike, bias: ArrayLike) -> tuple[FloatArray, AffineCache]:
    """One affine layer: out = x W + b.

    Parameters
    ----------
    x : float array, (B, D), or (B, d_1, ..., d_k) with d_1 ... d_k = D, read as (B, D)
    weights : float array, (D, M)
    bias : float array, (M,) or (1, M)

    Returns
    -------
    out : float array, (B, M)
    cache : tuple
        The argument of :func:`affine_backward`: references to the three arrays, not copies.

    Raises
    ------
    ShapeError, ParameterError
    """
    x, weights, bias = as_floats("x", x), as_floats("weights", weights), as_floats("bias", bias)
    validate_dimensions("weights", weights, "D, M")
    if x.ndim < 2:
        raise ShapeError(f"x must have the shape (B, D), got {x.shape}; pass one example as x[None, :]")
    n_inputs, n_outputs = weights.shape
    if int(np.prod(x.shape[1:])) != n_inputs:
        raise ShapeError(f"x must have {n_inputs} values an example for weights of {weights.shape}, got {x.shape}")
    if bias.shape not in ((n_outputs,), (1, n_outputs)):
        raise ShapeError(f"bias must have the shape ({n_outputs},) or (1, {n_outputs}), got {bias.shape}")
    return x.reshape(len(x), n_inputs) @ weights + bias, (x, weights, bias)


def affine_backward(gradient: ArrayLike, cache: AffineCache) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradients of a loss through one affine layer.

    With G = dloss/dout: dx = G W^T, dW = x^T G, db = sum over the examples of G.

    Parameters
    ----------
    gradient : float array, (B, M)
        The loss's gradient by the layer's output.
    cache : tuple
        As :func:`affine_forward` returned it.

    Returns
    -------
    x_gradient, weights_gradient, bias_gradient : float arrays
        Arrays in the shapes of x, weights and bias.

    Raises
    ------
    ShapeError, ParameterError
    """
    x, weights, bias = cache
    gradient = as_floats("gradient", gradient)
    n_inputs, n_outputs = weights.shape
    if gradient.shape != (len(x), n_outputs):
        raise ShapeError(f"gradient must have the shape {(len(x), n_outputs)} of the output, got {gradient.shape}")
    x_gradient = (gradient @ weights.T).reshape(x.shape)
    weights_gradient = x.reshape(len(x), n_inputs).T @ gradient
    return x_gradient, weights_gradient, gradient.sum(axis=0).reshape(bias.shape)


def sigmoid_forward(x: ArrayLike) -> tuple[Any, Any]:
    """The sigmoid as a layer, elementwise.

    Parameters
    ----------
    x : float array of any shape

    Returns
    -------
    out : float array of the same shape
    cache : float array
        The output, from which :func:`sigmoid_backward` computes the derivative.
    """
    out = sigmoid(x)
    return out, out


def sigmoid_backward(gradient: ArrayLike, cache: Any) -> Any:
    """Gradient of a loss through the sigmoid: dx = G * out (1 - out).

    Parameters
    ----------
    gradient : float array of the output's shape
        The loss's gradient by the layer's output.
    cache : float array
        As :func:`sigmoid_forward` returned it.

    Returns
    -------
    float array of the same shape

    Raises
    ------
    ShapeError, ParameterError
    """
    gradient = as_floats("gradient", gradient)
    if gradient.shape != np.shape(cache):
        raise ShapeError(f"gradient must have the shape {np.shape(cache)} of the output, got {gradient.shape}")
    return gradient * sigmoid_gradient(cache)
