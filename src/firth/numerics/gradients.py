"""Room numerics: a gradient that is zero except in a few rows, stored as these rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import FloatArray, IntArray, as_floats, as_ids, validate_dimensions


@dataclass(frozen=True, eq=False)
class RowGradient:
    """The gradient of a loss by a matrix, of which the loss uses only some rows.

    Attributes
    ----------
    row_ids : int64 array, (R,)
        Ids of the rows that the loss uses, ascending and distinct.
    rows : float array, (R, D)
        The gradients of these rows. A used row may have a gradient of zeros.

    Raises
    ------
    ShapeError, IdError, ParameterError
        The shapes do not match, or ``row_ids`` are not ascending. :meth:`accumulate` accepts repeats in any order.
    """

    row_ids: IntArray
    rows: FloatArray

    def __post_init__(self) -> None:
        rows = as_floats("rows", self.rows)
        row_ids = as_ids("row_ids", self.row_ids, np.iinfo(np.int64).max)
        validate_dimensions("rows", rows, "R, D")
        if row_ids.shape != rows.shape[:1]:
            raise ShapeError(f"row_ids must have the shape ({len(rows)},) of the rows, got {row_ids.shape}")
        if np.any(row_ids[1:] <= row_ids[:-1]):
            raise ParameterError(
                "row_ids must be ascending and distinct; use RowGradient.accumulate for repeats in any order"
            )
        object.__setattr__(self, "row_ids", row_ids)
        object.__setattr__(self, "rows", rows)

    @classmethod
    def accumulate(cls, row_ids: ArrayLike, rows: ArrayLike) -> RowGradient:
        """Add contributions: an id that occurs several times gets the *sum* of its rows.

        Parameters
        ----------
        row_ids : int array, (N,), in any order, repeats allowed
        rows : float array, (N, D)
        """
        rows = as_floats("rows", rows)
        validate_dimensions("rows", rows, "N, D")
        ids = as_ids("row_ids", row_ids, np.iinfo(np.int64).max)
        if ids.shape != rows.shape[:1]:
            raise ShapeError(f"row_ids must have the shape ({len(rows)},) of the rows, got {ids.shape}")
        distinct, slots = np.unique(ids, return_inverse=True)
        total = np.zeros((len(distinct), rows.shape[1]), rows.dtype)
        np.add.at(total, slots.reshape(-1), rows)
        return cls(distinct, total)

    @classmethod
    def zero(cls, n_dims: int) -> RowGradient:
        """The gradient without rows."""
        return cls(np.empty(0, np.int64), np.empty((0, n_dims)))

    @classmethod
    def merge(cls, gradients: Iterable[RowGradient]) -> RowGradient:
        """The sum of several gradients by one matrix, at the cost of one."""
        parts = list(gradients)
        if not parts:
            raise ParameterError("gradients must hold at least one, got none; RowGradient.zero(n_dims) touches no row")
        widths = {part.rows.shape[1] for part in parts}
        if len(widths) > 1:
            raise ShapeError(f"gradients must have rows of one length, got {sorted(widths)}")
        return cls.accumulate(
            np.concatenate([part.row_ids for part in parts]), np.concatenate([part.rows for part in parts])
        )

    def __add__(self, other: RowGradient) -> RowGradient:
        if not isinstance(other, RowGradient):
            return NotImplemented
        return RowGradient.merge((self, other))

    def __mul__(self, factor: float) -> RowGradient:
        if not isinstance(factor, (int, float, np.integer, np.floating)):
            return NotImplemented
        return RowGradient(self.row_ids, self.rows * float(factor))

    __rmul__ = __mul__

    def to_dense(self, n_rows: int) -> FloatArray:
        """The gradient as a matrix, (n_rows, D), zero in all other rows.

        Raises
        ------
        IdError
            A row id is ``n_rows`` or more.
        """
        as_ids("row_ids", self.row_ids, n_rows)
        dense = np.zeros((n_rows, self.rows.shape[1]), self.rows.dtype)
        dense[self.row_ids] = self.rows
        return dense
