"""Room numerics: the point of a gradient check: its arrays and coordinates; reads the function's loss and gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import ParameterError, ShapeError
from firth.numerics.gradient_check.patterns import Diagnosis
from firth.numerics.gradients import RowGradient

Arrays: TypeAlias = dict[str, NDArray[Any]]
Point: TypeAlias = Any


class Layout:
    """The coordinates of x, in the arrays that the function takes and in the blocks that the report names.

    Coordinates are numbered over all arrays. ``origin`` has their values as float64.
    """

    def __init__(self, x: Point, blocks: Mapping[str, Sequence[int]] | None) -> None:
        self.is_mapping = isinstance(x, Mapping)
        self.is_scalar = isinstance(x, (float, np.floating))
        if self.is_mapping:
            if not x:
                raise ParameterError("x must hold at least one array, got an empty dict")
            self.arrays: Arrays = {str(name): _as_point(f"x[{name!r}]", value) for name, value in x.items()}
            self.keys = {str(name): name for name in x}
        else:
            self.arrays = {"x": _as_point("x", x)}
        self.n_coordinates = sum(array.size for array in self.arrays.values())
        if self.n_coordinates == 0:
            raise ShapeError("x must hold at least one number, got none")
        self.origin = np.concatenate([array.reshape(-1).astype(np.float64) for array in self.arrays.values()])
        if not np.all(np.isfinite(self.origin)):
            raise ParameterError("x must be finite, got a NaN or an infinity in it")
        self.epsilon = max(float(np.finfo(array.dtype).eps) for array in self.arrays.values())

        self.shapes: dict[str, tuple[int, ...]] = {name: array.shape for name, array in self.arrays.items()}
        if blocks is not None:
            if self.is_mapping:
                raise ParameterError("blocks must be left out if x is a dict, whose entries are the blocks")
            self.shapes = {str(name): tuple(int(size) for size in shape) for name, shape in blocks.items()}
            total = sum(int(np.prod(shape)) for shape in self.shapes.values())
            if total != self.n_coordinates:
                raise ShapeError(f"blocks must have x's {self.n_coordinates} numbers in total, got {total}")
        self.starts: dict[str, int] = {}
        start = 0
        for name, shape in self.shapes.items():
            self.starts[name] = start
            start += int(np.prod(shape))
        self.has_blocks = len(self.shapes) > 1

    def copy_arrays(self) -> Arrays:
        return {name: array.copy() for name, array in self.arrays.items()}

    def move_coordinate(self, coordinate: int, distance: float) -> Arrays:
        moved = self.copy_arrays()
        for array in moved.values():
            if coordinate < array.size:
                array.reshape(-1)[coordinate] += array.dtype.type(distance)
                break
            coordinate -= array.size
        return moved

    def move(self, direction: NDArray[np.float64], distance: float) -> Arrays:
        moved, start = {}, 0
        for name, array in self.arrays.items():
            part = direction[start : start + array.size].reshape(array.shape)
            moved[name] = (array + distance * part).astype(array.dtype)
            start += array.size
        return moved

    def as_point(self, arrays: Arrays) -> Point:
        if self.is_mapping:
            return {self.keys[name]: array for name, array in arrays.items()}
        return arrays["x"][()] if self.is_scalar else arrays["x"]

    def to_blocks(self, flat: NDArray[Any]) -> Arrays:
        return {
            name: flat[self.starts[name] : self.starts[name] + int(np.prod(shape))].reshape(shape)
            for name, shape in self.shapes.items()
        }

    def as_given(self, flat: NDArray[np.float64]) -> Any:
        """A vector over all coordinates, as an array or a dict of arrays like x."""
        parts, start = {}, 0
        for name, array in self.arrays.items():
            parts[name] = flat[start : start + array.size].reshape(array.shape)
            start += array.size
        return self.as_point(parts)

    def place(self, coordinate: int) -> tuple[str | None, tuple[int, ...]]:
        """The block of a coordinate and the index in the block. The block is None if x is a single array."""
        for name, shape in self.shapes.items():
            inside = coordinate - self.starts[name]
            if inside < int(np.prod(shape)):
                position = tuple(int(i) for i in np.unravel_index(inside, shape)) if shape else ()
                return (name if self.has_blocks or self.is_mapping else None), position
        raise AssertionError("a coordinate outside x")


def _as_point(name: str, value: Any) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind != "f":
        hint = "; convert it with .astype(float): a step would be rounded away" if array.dtype.kind in "iub" else ""
        raise ParameterError(f"{name} must hold floats, got dtype {array.dtype}{hint}")
    return np.array(array)  # a copy, in C order: the caller may change the original


def read_loss(loss: Any) -> float:
    """The loss as a number. Raises ShapeError if it is not a real scalar."""
    array = np.asarray(loss)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ShapeError(f"loss must be a real scalar, got shape {array.shape} and dtype {array.dtype}")
    return float(array.reshape(()))


def is_same(
    change: float, loss: float, gradient: NDArray[np.float64], repeated: NDArray[np.float64], tolerance: float
) -> bool:
    """Whether two calls at one point gave the same result, except for the order in which threads add."""
    finite = np.isfinite(gradient) & np.isfinite(repeated)
    largest = np.abs(gradient[finite]).max(initial=0.0)
    return bool(
        change <= 0.1 * tolerance * abs(loss)
        and np.array_equal(np.isfinite(gradient), np.isfinite(repeated))
        and np.abs(gradient[finite] - repeated[finite]).max(initial=0.0) <= tolerance * largest
    )


def read_gradient(gradient: Any, layout: Layout) -> tuple[NDArray[np.float64] | None, float, list[Diagnosis]]:
    """The gradient as one vector over all coordinates, its machine epsilon, and the errors in its shape."""
    if layout.is_mapping:
        if not isinstance(gradient, Mapping):
            raise ShapeError(f"gradient must be a dict with the keys of x, got {type(gradient).__name__}")
        missing = [name for name, key in layout.keys.items() if key not in gradient]
        extra = [str(key) for key in gradient if str(key) not in layout.keys]
        if missing or extra:
            raise ShapeError(f"gradient must have the keys of x; missing {missing}, not in x {extra}")
        parts = {name: gradient[key] for name, key in layout.keys.items()}
    else:
        parts = {"x": gradient}

    vectors: list[NDArray[np.float64]] = []
    problems: list[Diagnosis] = []
    epsilon = 0.0
    for name, part in parts.items():
        expected = layout.arrays[name].shape
        if isinstance(part, RowGradient) and len(expected) == 2:
            part = part.to_dense(expected[0])
        array = np.asarray(part)
        if array.dtype.kind not in "fiub":
            raise ParameterError(f"gradient of {name} must hold real numbers, got dtype {array.dtype}")
        if array.dtype.kind == "f":
            epsilon = max(epsilon, float(np.finfo(array.dtype).eps))
        block = name if layout.is_mapping else None
        if array.shape != expected:
            problems.append(_describe_shape(array.shape, expected, block))
        else:
            vectors.append(array.astype(np.float64).reshape(-1))
    return (None if problems else np.concatenate(vectors)), epsilon, problems


def _describe_shape(shape: tuple[int, ...], expected: tuple[int, ...], block: str | None) -> Diagnosis:
    message = f"the gradient has the shape {shape}, x has {expected}"
    evidence = {"shape": shape, "expected": expected}
    if len(shape) == 2 and shape == expected[::-1]:
        return Diagnosis("transposed", f"{message}: it looks transposed", evidence, block)
    return Diagnosis("gradient-shape", message, evidence, block)
