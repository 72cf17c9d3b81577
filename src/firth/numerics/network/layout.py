"""Room numerics: the sizes of the two-layer network, and its four arrays packed into one vector."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import FloatArray, as_floats


class NetworkSizes(NamedTuple):
    """Sizes of a two-layer network: D inputs, H hidden units, C classes; H = 0 is softmax regression."""

    n_inputs: int
    n_hidden: int
    n_classes: int

    @property
    def n_features(self) -> int:
        """Number of inputs of the output layer: H, or D without hidden units."""
        return self.n_hidden or self.n_inputs

    @property
    def n_parameters(self) -> int:
        """Length of the packed parameters."""
        return self.n_inputs * self.n_hidden + self.n_hidden + self.n_features * self.n_classes + self.n_classes


class NetworkParameters(NamedTuple):
    """The four arrays of a two-layer network, in the order in which they are packed.

    hidden_weights : W1, (D, H)
    hidden_bias : b1, (H,)
    output_weights : W2, (H, C); (D, C) without hidden units
    output_bias : b2, (C,)
    """

    hidden_weights: FloatArray
    hidden_bias: FloatArray
    output_weights: FloatArray
    output_bias: FloatArray


def pack_network(
    hidden_weights: ArrayLike, hidden_bias: ArrayLike, output_weights: ArrayLike, output_bias: ArrayLike
) -> FloatArray:
    """Pack W1, b1, W2, b2 into one vector, each in row-major order.

    Parameters
    ----------
    hidden_weights : float array, (D, H)
    hidden_bias : float array, (H,) or (1, H)
    output_weights : float array, (H, C); (D, C) if H = 0
    output_bias : float array, (C,) or (1, C)

    Returns
    -------
    float array, (D H + H + H C + C,): a copy, in the widest float type of the four

    Raises
    ------
    ShapeError, ParameterError
    """
    arrays = [
        as_floats(name, value)
        for name, value in zip(
            NetworkParameters._fields, (hidden_weights, hidden_bias, output_weights, output_bias), strict=True
        )
    ]
    if arrays[0].ndim != 2 or arrays[2].ndim != 2:
        raise ShapeError(
            f"weights must have the shapes (D, H) and (H, C), got {arrays[0].shape} and {arrays[2].shape};"
            " without hidden units they are (D, 0) and (D, C)"
        )
    (n_inputs, n_hidden), n_classes = arrays[0].shape, arrays[2].shape[1]
    sizes = NetworkSizes(n_inputs, n_hidden, n_classes)
    for name, array, shape in zip(NetworkParameters._fields, arrays, _shapes(sizes), strict=True):
        if array.shape != shape and array.shape != (1, *shape):
            raise ShapeError(f"{name} must have the shape {shape} to fit the other arrays, got {array.shape}")
    return np.concatenate([array.ravel() for array in arrays])


def unpack_network(parameters: FloatArray, sizes: tuple[int, int, int]) -> NetworkParameters:
    """W1, b1, W2, b2 of packed parameters. These are views: writing to them changes ``parameters``.

    Parameters
    ----------
    parameters : float array, (P,), contiguous
    sizes : NetworkSizes, or three integers (D, H, C)

    Returns
    -------
    NetworkParameters

    Raises
    ------
    ShapeError
        The length is not D H + H + H C + C (with H = 0: D C + C).
    """
    sizes = as_sizes(sizes)
    validate_packed("parameters", parameters, sizes)
    return unpack(parameters, sizes)


def _shapes(sizes: NetworkSizes) -> tuple[tuple[int, ...], ...]:
    n_inputs, n_hidden, n_classes = sizes
    return (n_inputs, n_hidden), (n_hidden,), (sizes.n_features, n_classes), (n_classes,)


def unpack(parameters: FloatArray, sizes: NetworkSizes) -> NetworkParameters:
    n_inputs, n_hidden, n_classes = sizes
    first = n_inputs * n_hidden
    second = first + n_hidden
    third = second + sizes.n_features * n_classes
    return NetworkParameters(
        parameters[:first].reshape(n_inputs, n_hidden),
        parameters[first:second],
        parameters[second:third].reshape(sizes.n_features, n_classes),
        parameters[third:],
    )


def as_sizes(sizes: tuple[int, int, int]) -> NetworkSizes:
    if isinstance(sizes, NetworkSizes):
        return sizes
    if len(sizes) != 3 or sizes[0] < 1 or sizes[1] < 0 or sizes[2] < 1:
        raise ParameterError(f"sizes must be (D >= 1, H >= 0, C >= 1), got {tuple(sizes)}")
    return NetworkSizes(*(int(size) for size in sizes))


def validate_packed(name: str, parameters: FloatArray, sizes: NetworkSizes) -> None:
    if not isinstance(parameters, np.ndarray) or parameters.dtype.kind != "f":
        raise ParameterError(f"{name} must be an array of floats, got {type(parameters).__name__}")
    if parameters.shape != (sizes.n_parameters,):
        raise ShapeError(
            f"{name} must have the shape ({sizes.n_parameters},) for the sizes {tuple(sizes)}, got {parameters.shape}"
        )
