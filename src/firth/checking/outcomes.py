"""Room checking: what a function returned, read as a cost and gradients of the expected shapes; child only.

Tests: tests/checking/test_objective.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.report import Finding
from firth.checking.subject import SubjectError

Array = NDArray[np.float64]
Blocks = dict[str, Array]


@dataclass
class Outcome:
    """What a function returned, in the expected shapes; ``shape_notes`` says what had to be reshaped."""

    cost: float
    blocks: Blocks
    shape_notes: list[Finding] = field(default_factory=list)


def read_outcome(
    result: Any, expected: Mapping[str, tuple[int, ...]], returns: str, *, cost_like: str = "cost"
) -> Outcome:
    """The function's result as a cost and blocks.

    Parameters
    ----------
    result : what the function returned
    expected : shapes of the gradients, by name, in order
    returns : what the kind returns, for the message

    Raises
    ------
    SubjectError
        When there are not as many parts as the kind returns, or the cost is no number.
    """
    if not isinstance(result, (tuple, list)) or len(result) != 1 + len(expected):
        got = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
        raise SubjectError(Finding("result", "error", f"the function must return {returns}, got {got}"))
    cost, notes = _read_cost(result[0], cost_like)
    blocks = {}
    for (name, shape), part in zip(expected.items(), result[1:], strict=True):
        blocks[name], note = read_block(part, shape, name)
        if note is not None:
            notes.append(note)
    return Outcome(cost, blocks, notes)


def _read_cost(part: Any, name: str) -> tuple[float, list[Finding]]:
    try:
        array = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise SubjectError(
            Finding("result", "error", f"the {name} must be a number, got {type(part).__name__}")
        ) from error
    if array.ndim == 0:
        return float(array), []
    if array.size == 1:
        message = f"the {name} is an array of shape {array.shape}, not a scalar"
        return float(array.reshape(-1)[0]), [Finding("cost-shape", "warning", message, {"shape": list(array.shape)})]
    message = f"the {name} is an array of shape {array.shape}, not a scalar: its terms are not summed (they are here)"
    return float(array.sum()), [Finding("cost-shape", "warning", message, {"shape": list(array.shape)})]


def read_block(part: Any, shape: tuple[int, ...], name: str) -> tuple[Array, Finding | None]:
    """One gradient in the expected shape; NaN throughout where it cannot be brought there.

    Dimensions of one element may be missing or too many. The transposed shape is kept as it is, for the diagnosis.
    """
    if hasattr(part, "to_dense"):
        part = part.to_dense(shape[0])
    elif hasattr(part, "toarray"):
        part = part.toarray()
    try:
        array = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        message = f"{name} must be an array of shape {shape}, got {type(part).__name__} that is none"
        return np.full(shape, np.nan), Finding("gradient-shape", "error", message)
    if array.shape == shape:
        return array, None
    details = {"block": name, "expected": list(shape), "got": list(array.shape)}
    message = f"{name} has the shape {array.shape}, not {shape}"
    without_ones = tuple(size for size in array.shape if size != 1)
    if without_ones == tuple(size for size in shape if size != 1):
        return array.reshape(shape), Finding("gradient-shape", "warning", message, details)
    if array.shape == shape[::-1]:
        return array, Finding("gradient-shape", "error", message, details)
    return np.full(shape, np.nan), Finding("gradient-shape", "error", message, details)
