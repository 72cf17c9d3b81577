"""Room compat: the course's functions of the first two questions; each calls firth.numerics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics import activations, layers
from firth.numerics.network import network_loss_and_gradient


def softmax(x: ArrayLike) -> Any:
    """Probabilities from logits, along the last axis: a vector's, or each row's of a matrix. See numerics.softmax."""
    return activations.softmax(x, axis=-1)


def sigmoid(x: ArrayLike) -> Any:
    """The logistic function, elementwise. See numerics.sigmoid."""
    return activations.sigmoid(x)


def sigmoid_grad(s: ArrayLike) -> Any:
    """The derivative of the sigmoid from its value: s (1 - s). See numerics.sigmoid_gradient."""
    return activations.sigmoid_gradient(s)


def affine_forward(x: ArrayLike, w: ArrayLike, b: ArrayLike) -> tuple[Any, Any]:
    """An affine layer: ``x w + b`` and the cache for :func:`affine_backward`. See numerics.affine_forward."""
    return layers.affine_forward(x, w, b)


def affine_backward(dout: ArrayLike, cache: Any) -> tuple[Any, Any, Any]:
    """The gradients dx, dw, db through an affine layer. See numerics.affine_backward."""
    return layers.affine_backward(dout, cache)


def sigmoid_forward(x: ArrayLike) -> tuple[Any, Any]:
    """The sigmoid as a layer: its output, and the cache for :func:`sigmoid_backward`."""
    return layers.sigmoid_forward(x)


def sigmoid_backward(dout: ArrayLike, cache: Any) -> Any:
    """The gradient dx through the sigmoid."""
    return layers.sigmoid_backward(dout, cache)


def rel_error(x: ArrayLike, y: ArrayLike) -> float:
    """The largest relative error of two arrays: max |x - y| / max(1e-8, |x| + |y|).

    0.0 for empty arrays.

    Raises
    ------
    ShapeError
        The shapes do not broadcast.
    """
    x, y = np.asarray(x), np.asarray(y)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise ShapeError(f"x and y must have one shape, got {x.shape} and {y.shape}") from None
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)), initial=0.0))


def normalizeRows(x: ArrayLike) -> Any:
    """The rows of a matrix, each divided by its Euclidean length; a row of zeros stays zero. ``x`` is not modified.

    Parameters
    ----------
    x : array, (N, D)

    Raises
    ------
    ShapeError, ParameterError
    """
    array = np.asarray(x)
    if array.ndim != 2:
        raise ShapeError(f"x must have the shape (N, D), got {array.shape}; pass one row as x[None, :]")
    if array.dtype.kind not in "fiub":
        raise ParameterError(f"x must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    # Scaled by a power of two, which is exact, so that no square overflows or underflows.
    exponents = np.frexp(np.max(np.abs(array), axis=1, keepdims=True, initial=0))[1]
    scaled = np.ldexp(array, -exponents)
    lengths = np.sqrt(np.sum(scaled * scaled, axis=1, keepdims=True))
    return scaled / np.where(lengths == 0, array.dtype.type(1), lengths)


def forward_backward_prop(data: ArrayLike, labels: ArrayLike, params: ArrayLike, dimensions: Any) -> tuple[float, Any]:
    """Cost and gradient of the two-layer network: sigmoid hidden layer, softmax output, cross-entropy, *summed*.

        h = sigmoid(data W1 + b1),  p = softmax(h W2 + b2),  cost = -sum(labels log p)

    Parameters
    ----------
    data : array, (M, Dx); one example also (Dx,)
    labels : array, (M, Dy)
        A one-hot row for each example.
    params : float array, (Dx H + H + H Dy + Dy,)
        W1, b1, W2, b2, each by rows. Everything is computed in float64.
    dimensions : (Dx, H, Dy)

    Returns
    -------
    cost : float
    grad : float array of the shape of ``params``

    See Also
    --------
    firth.numerics.network.network_loss_and_gradient : with the mean, and with class numbers as labels.
    """
    n_inputs, n_hidden, n_classes = dimensions
    packed = np.asarray(params, dtype=np.float64)
    cost, gradient = network_loss_and_gradient(
        packed.reshape(-1),
        np.atleast_2d(np.asarray(data, dtype=np.float64)),
        np.atleast_2d(np.asarray(labels, dtype=np.float64)),
        (n_inputs, n_hidden, n_classes),
        reduction="sum",
    )
    return cost, gradient.reshape(packed.shape)
