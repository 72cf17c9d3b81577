"""Room numerics: patterns of errors that a wrong gradient may have: a factor, a transpose, wrong rows, and others.

Pure functions over a gradient (``analytic``) and the right gradient (``numeric``), in which NaN means "not known".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MATCH_TOLERANCE = 1e-5  # relative difference up to which numbers are taken for equal
LARGEST_NAMED_FACTOR = 100_000
FEW_COORDINATES = 8


@dataclass(frozen=True)
class Diagnosis:
    """One error of a gradient, or one warning or note about a function.

    Attributes
    ----------
    code : str
        ``scaled``, ``sign``, ``transposed``, ``reordered``, ``rows-permuted``, ``rows-wrong``, ``product-of-sums``,
        ``ignored``, ``not-in-loss``, ``multiple-of-input``, ``block-wrong``, ``coordinates-wrong``, ``inaccurate``,
        ``unrecognized``, ``not-finite``, ``gradient-shape``, ``not-deterministic``, ``input-modified``, ``cost-shape``
    message : str
        A sentence for the author of the gradient.
    evidence : dict
        The numbers that the message rests on.
    block : str or None
        The block with the error; None for the whole gradient.
    severity : "error", "warning" or "note"
        Only an error makes a gradient wrong.
    """

    code: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    block: str | None = None
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def match_coordinates(
    analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE
) -> NDArray[np.bool_]:
    """Whether two gradients agree, for each coordinate. True for a coordinate that is not known.

    The condition is |a - n| <= tolerance (max(|a|, |n|) + m / 10), with m the largest |n| of all coordinates.
    """
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    known = np.isfinite(n)
    largest = np.abs(n[known]).max(initial=0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        allowed = tolerance * np.maximum(np.abs(a), np.abs(n)) + 0.1 * tolerance * largest
        agree: NDArray[np.bool_] = ~known | (np.abs(a - n) <= allowed)
    return agree


def agrees(analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE) -> bool:
    """Whether two gradients agree in every known coordinate, by :func:`match_coordinates`."""
    return bool(match_coordinates(analytic, numeric, tolerance=tolerance).all())


def find_factor(analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE) -> float | None:
    """The constant c with analytic = c numeric in every known coordinate; None without such a constant.

    At least two coordinates must show the factor, because any single pair of numbers has a ratio. If only one
    coordinate is known, :func:`name_factor` must know the ratio.
    """
    a, n = known_pairs(analytic, numeric)
    largest = np.abs(n).max(initial=0.0)
    if largest == 0 or not np.all(np.isfinite(a)):
        return None
    unit = n / largest  # so that no square overflows
    factor = float(unit @ a / (unit @ unit) / largest)
    if factor == 0 or not agrees(a, factor * n, tolerance=tolerance):
        return None
    telling = (n != 0) & (np.abs(a - factor * n) <= 10 * tolerance * np.abs(factor * n))
    if telling.sum() < 2 and (a.size > 1 or name_factor(factor, tolerance=tolerance) is None):
        return None
    return factor


def name_factor(
    factor: float, sizes: Mapping[str, int] | None = None, *, tolerance: float = MATCH_TOLERANCE
) -> str | None:
    """A name for a factor: "2", "1/2", "1/M (M = 20)", "-1". None if no name fits.

    Parameters
    ----------
    factor : float
    sizes : mapping of names to sizes, optional
        Sizes that are tried before whole numbers above 2, for example ``{"M": 20}`` for a batch of 20.
    tolerance : float
        Relative difference up to which the factor is taken for a named value.
    """
    sign, magnitude = ("-" if factor < 0 else ""), abs(factor)

    def is_close(value: float) -> bool:
        return abs(magnitude - value) <= tolerance * value

    if is_close(1):
        return f"{sign}1"
    for plain, value in (("2", 2.0), ("1/2", 0.5)):
        if is_close(value):
            return sign + plain
    for name, size in (sizes or {}).items():
        if size <= 2:
            continue
        forms = {
            name: size,
            f"1/{name}": 1 / size,
            f"2{name}": 2 * size,
            f"2/{name}": 2 / size,
            f"1/(2{name})": 0.5 / size,
            f"{name}^2": size**2,
            f"1/{name}^2": 1 / size**2,
        }
        for form, value in forms.items():
            if is_close(value):
                return f"{sign}{form} ({name} = {size})"
    whole, share = round(magnitude), round(1 / magnitude) if magnitude > 0 else 0
    if 2 < whole <= LARGEST_NAMED_FACTOR and is_close(whole):
        return f"{sign}{whole}"
    if 2 < share <= LARGEST_NAMED_FACTOR and is_close(1 / share):
        return f"{sign}1/{share}"
    return None


def diagnose_factor(
    analytic: ArrayLike,
    numeric: ArrayLike,
    *,
    sizes: Mapping[str, int] | None = None,
    tolerance: float = MATCH_TOLERANCE,
    block: str | None = None,
) -> Diagnosis | None:
    """``sign`` if the gradient is minus the right one, ``scaled`` if it is another multiple of the right one."""
    factor = find_factor(analytic, numeric, tolerance=tolerance)
    if factor is None or abs(factor - 1) <= tolerance:
        return None
    name = name_factor(factor, sizes, tolerance=tolerance)
    if name == "-1":
        return Diagnosis(
            "sign", "the gradient has the opposite sign: a step along it increases the loss", {"factor": -1.0}, block
        )
    meaning = f"{factor:.6g}" if name is None else name
    advice = _advice_for_factor(factor)
    evidence = {"factor": factor, "factor_name": name}
    return Diagnosis("scaled", f"the gradient is {meaning} times the right one{advice}", evidence, block)


def diagnose_transposed(
    analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE, block: str | None = None
) -> Diagnosis | None:
    """``transposed`` if a block is the transpose of the right one, ``reordered`` if its values are in column order."""
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if a.ndim != 2 or n.ndim != 2 or min(n.shape) < 2 or np.isfinite(n).sum() < 3:
        return None
    if a.shape == n.T.shape and agrees(a.T, n, tolerance=tolerance):
        if a.shape == n.shape and agrees(a, n, tolerance=tolerance):
            return None  # symmetric
        return Diagnosis("transposed", "the block is the transpose of the right one", {"shape": a.shape}, block)
    if a.shape == n.shape and agrees(a.reshape(-1).reshape(n.T.shape).T, n, tolerance=tolerance):
        return Diagnosis(
            "reordered",
            "the block has the right values in the wrong order: it was transposed before it was flattened",
            {"shape": a.shape},
            block,
        )
    return None


def diagnose_permuted_rows(
    analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE, block: str | None = None
) -> Diagnosis | None:
    """``rows-permuted`` if the block has every known row, but some have the wrong index. A vector's rows are values."""
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if a.shape != n.shape or a.ndim == 0 or len(a) < 2 or not np.all(np.isfinite(a)):
        return None
    a, n = a.reshape(len(a), -1), n.reshape(len(n), -1)
    known_rows, known_columns = _known_submatrix(n)
    if len(known_rows) < 2:
        return None
    a, n = a[:, known_columns], n[:, known_columns]
    largest = np.abs(n[known_rows]).max()
    source: dict[int, int] = {}
    taken: set[int] = set()
    for row in known_rows:
        if np.all(np.abs(a[row] - n[row]) <= tolerance * largest):
            source[int(row)] = int(row)
            taken.add(int(row))
    for row in known_rows:
        if int(row) in source:
            continue
        distances = np.abs(a - n[row]).max(axis=1)
        candidates = [int(i) for i in np.flatnonzero(distances <= tolerance * largest) if int(i) not in taken]
        if not candidates:
            return None
        source[int(row)] = candidates[0]
        taken.add(candidates[0])
    moved = {row: at for row, at in source.items() if row != at}
    # Two numbers that match by chance are too rare to matter. Rows that are almost zero match any other such row.
    if len(moved) < 2 or np.abs(n[list(moved)]).max() <= 1e-3 * largest:
        return None
    shown = ", ".join(f"row {row} is at {at}" for row, at in list(moved.items())[:3])
    return Diagnosis("rows-permuted", f"the rows are right but in the wrong order: {shown}", {"found_at": moved}, block)


def diagnose_product_of_sums(analytic: ArrayLike, numeric: ArrayLike, *, block: str | None = None) -> Diagnosis | None:
    """``product-of-sums`` if a wrong block has rank one and the right block has a higher rank.

    The weight gradient of a batch is a sum of products, sum_b x_b d_b^T. Summing (or averaging) over the batch first
    gives (sum_b x_b)(sum_b d_b)^T, whose rank is one. The block may have other errors too. This pattern is a hint:
    dividing the batch confirms it if the gradient of the batch is neither the sum nor the mean of its examples'
    gradients.
    """
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if a.shape != n.shape or a.ndim != 2 or min(a.shape) < 2 or not np.all(np.isfinite(a)) or not a.any():
        return None
    if np.count_nonzero(a.any(axis=1)) < 2 or np.count_nonzero(a.any(axis=0)) < 2:
        return None  # a single row or column always has rank one
    known_rows, known_columns = _known_submatrix(n)
    known = n[np.ix_(known_rows, known_columns)]
    if min(known.shape) < 2:
        return None
    analytic_ratio, numeric_ratio = _second_singular_value(a), _second_singular_value(known)
    if analytic_ratio > 1e-6 or numeric_ratio < 1e-2:
        return None
    return Diagnosis(
        "product-of-sums",
        "the block has rank one, the right block has a higher rank: a product of sums over the batch in place of a sum "
        "of products (the block may have other errors too)",
        {"second_singular_value": analytic_ratio, "right_second_singular_value": numeric_ratio},
        block,
    )


def diagnose_ignored(
    analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE, block: str | None = None
) -> Diagnosis | None:
    """``ignored`` if the gradient is zero and the right one is not; ``not-in-loss`` if only the right one is zero."""
    a, n = known_pairs(analytic, numeric)
    if not np.all(np.isfinite(a)):
        return None
    if not a.any() and n.any():
        evidence = {"largest": float(np.abs(n).max())}
        return Diagnosis("ignored", "the gradient is zero, but the loss depends on this input", evidence, block)
    if a.any() and np.abs(n).max(initial=0.0) <= tolerance * np.abs(a).max() and a.size > 1:
        evidence = {"largest": float(np.abs(a).max())}
        return Diagnosis(
            "not-in-loss", "the gradient is not zero, but the loss does not depend on this input", evidence, block
        )
    return None


def diagnose_mixed_signs(
    analytic: ArrayLike, numeric: ArrayLike, *, tolerance: float = MATCH_TOLERANCE, block: str | None = None
) -> Diagnosis | None:
    """``sign`` if all magnitudes are right and some signs are wrong."""
    if not agrees(np.abs(analytic), np.abs(numeric), tolerance=tolerance):
        return None
    wrong = ~match_coordinates(analytic, numeric, tolerance=tolerance)
    if wrong.sum() < 2:
        return None
    coordinates = [tuple(map(int, position)) for position in np.argwhere(wrong)[:FEW_COORDINATES]]
    message = f"{int(wrong.sum())} coordinates have the right magnitude and the opposite sign"
    return Diagnosis("sign", message, {"n_flipped": int(wrong.sum()), "coordinates": coordinates}, block)


def diagnose_multiple_of_input(
    analytic: ArrayLike,
    numeric: ArrayLike,
    x: ArrayLike,
    *,
    tolerance: float = MATCH_TOLERANCE,
    block: str | None = None,
) -> Diagnosis | None:
    """``multiple-of-input`` if the error is a constant times x, like the gradient of a quadratic penalty."""
    a, n, values = (np.asarray(array, np.float64) for array in (analytic, numeric, x))
    known = np.isfinite(n) & np.isfinite(a)
    error, point = (a - n)[known], values[known]
    largest_error, largest = np.abs(error).max(initial=0.0), np.abs(n[known]).max(initial=0.0)
    # The error must be well above the rounding of the subtraction. In few coordinates, any error is a multiple of x.
    if error.size < 3 or largest_error <= 100 * tolerance * largest or np.ptp(point) == 0:
        return None
    factor = find_factor(error, point, tolerance=10 * tolerance)
    if factor is None:
        return None
    verb = "has a term too many" if factor * largest > 0 else "lacks a term"
    message = f"the gradient {verb}: it differs from the right one by {factor:.6g} x, like the gradient of a penalty"
    return Diagnosis("multiple-of-input", message, {"factor": factor}, block)


def diagnose_rows(
    analytic: ArrayLike,
    numeric: ArrayLike,
    *,
    wrong: NDArray[np.bool_] | None = None,
    tolerance: float = MATCH_TOLERANCE,
    block: str | None = None,
) -> Diagnosis | None:
    """``rows-wrong`` if some rows of a matrix are wrong and some rows that are not zero are right."""
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if a.shape != n.shape or a.ndim != 2 or min(a.shape) < 2:
        return None
    mask = ~match_coordinates(a, n, tolerance=tolerance) if wrong is None else wrong
    wrong_rows = np.flatnonzero(mask.any(axis=1))
    right = ~mask.any(axis=1) & (np.nan_to_num(n) != 0).any(axis=1)
    if not wrong_rows.size or not right.any() or mask.sum() <= wrong_rows.size:
        return None
    zero = [int(row) for row in wrong_rows if not a[row].any()]
    factors = {int(row): find_factor(a[row], n[row], tolerance=tolerance) for row in wrong_rows}
    shown = ", ".join(str(row) for row in wrong_rows[:FEW_COORDINATES]) + (", ..." if len(wrong_rows) > 8 else "")
    message = f"{len(wrong_rows)} of {len(a)} rows are wrong ({shown})"
    if len(zero) == len(wrong_rows):
        message += "; they are zero, but the loss depends on them"
    elif all(factor is not None for factor in factors.values()):
        shown = ", ".join(f"{factor:.4g}" for factor in list(factors.values())[:FEW_COORDINATES])
        message += f"; each is a multiple of the right one: {shown}"
    evidence = {"rows": [int(row) for row in wrong_rows], "zero_rows": zero, "factors": factors}
    return Diagnosis("rows-wrong", message, evidence, block)


def _advice_for_factor(factor: float) -> str:
    magnitude = abs(factor)
    if factor < 0:
        return ", the sign included"
    if magnitude > 1 and abs(magnitude - 2) > 1e-3:
        return ": a sum where the loss has a mean?"
    if magnitude < 1 and abs(magnitude - 0.5) > 1e-3:
        return ": a mean where the loss has a sum?"
    return ""


def known_pairs(analytic: ArrayLike, numeric: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, n = np.asarray(analytic, np.float64).reshape(-1), np.asarray(numeric, np.float64).reshape(-1)
    known = np.isfinite(n)
    return a[known], n[known]


def _known_submatrix(numeric: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of a large part of a matrix in which all values are known."""
    known = np.isfinite(numeric)
    in_column = known.sum(axis=0)
    columns = np.flatnonzero(in_column >= max(1, 0.5 * in_column.max(initial=0)))
    return np.flatnonzero(known[:, columns].all(axis=1)), columns


def _second_singular_value(matrix: NDArray[np.float64]) -> float:
    """The second singular value, divided by the first."""
    largest = np.abs(matrix).max(initial=0.0)
    if largest == 0:
        return 0.0
    values = np.linalg.svd(matrix / largest, compute_uv=False)
    return float(values[1] / values[0])
