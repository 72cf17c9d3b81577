"""Room numerics: names what is wrong with a gradient, by comparing it with the right gradient. Pure functions.

The right gradient (``numeric``) usually comes from finite differences. A NaN in it means "not known".
``check_gradient`` decides *whether* a gradient is wrong, not this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.numerics.gradient_check.patterns import (
    FEW_COORDINATES,
    MATCH_TOLERANCE,
    Diagnosis,
    diagnose_factor,
    diagnose_ignored,
    diagnose_mixed_signs,
    diagnose_multiple_of_input,
    diagnose_permuted_rows,
    diagnose_product_of_sums,
    diagnose_rows,
    diagnose_transposed,
    known_pairs,
    match_coordinates,
)


def diagnose_block(
    analytic: ArrayLike,
    numeric: ArrayLike,
    *,
    x: ArrayLike | None = None,
    wrong: NDArray[np.bool_] | None = None,
    sizes: Mapping[str, int] | None = None,
    tolerance: float = MATCH_TOLERANCE,
    block: str | None = None,
) -> Diagnosis:
    """Name the error of a block that is wrong: the first pattern that explains the whole block.

    Parameters
    ----------
    analytic, numeric : arrays of one shape
        The gradient, and the right gradient. NaN in ``numeric`` means "not known".
    x : array of the same shape, optional
        The point; needed to recognise ``multiple-of-input``.
    wrong : bool array of the same shape, optional
        The coordinates that are wrong. The default is the coordinates that differ by more than ``tolerance``.
    sizes : mapping of names to sizes, optional
        Names for constant factors.
    tolerance : float
        Relative difference up to which numbers are taken for equal.
    block : str, optional
        The name of the block in the diagnosis.
    """
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if not np.all(np.isfinite(a)):
        coordinates = [tuple(map(int, position)) for position in np.argwhere(~np.isfinite(a))[:FEW_COORDINATES]]
        count = int((~np.isfinite(a)).sum())
        evidence: dict[str, Any] = {"n_not_finite": count, "coordinates": coordinates}
        return Diagnosis("not-finite", f"the gradient is not finite in {count} coordinates", evidence, block)
    mask = ~match_coordinates(a, n, tolerance=tolerance) if wrong is None else np.asarray(wrong)
    found = (
        diagnose_ignored(a, n, tolerance=tolerance, block=block)
        or diagnose_factor(a, n, sizes=sizes, tolerance=tolerance, block=block)
        or diagnose_transposed(a, n, tolerance=tolerance, block=block)
        or diagnose_permuted_rows(a, n, tolerance=tolerance, block=block)
        or diagnose_product_of_sums(a, n, block=block)
        or diagnose_mixed_signs(a, n, tolerance=tolerance, block=block)
        or (None if x is None else diagnose_multiple_of_input(a, n, x, tolerance=tolerance, block=block))
    )
    if found is not None:
        return found
    n_wrong, n_known = int(mask.sum()), int(np.isfinite(n).sum())
    largest_error = _largest_relative_error(a, n)
    evidence = {"n_wrong": n_wrong, "n_known": n_known, "largest_relative_error": largest_error}
    if largest_error < 1e-4:
        message = f"the gradient is right only to {largest_error:.1e}: an approximation, or a loss of precision"
        return Diagnosis("inaccurate", message, evidence, block)
    rows = diagnose_rows(a, n, wrong=mask, tolerance=tolerance, block=block)
    if rows is not None:
        return rows
    if 0 < n_wrong <= min(FEW_COORDINATES, (n_known - 1) // 2 or 1) and n_known > 1:
        coordinates = [tuple(map(int, position)) for position in np.argwhere(mask)]
        evidence |= {"coordinates": coordinates, "ratios": [_ratio(a[c], n[c]) for c in coordinates]}
        which = ", ".join(map(_format_coordinate, coordinates))
        return Diagnosis("coordinates-wrong", f"{n_wrong} of {n_known} coordinates are wrong: {which}", evidence, block)
    message = f"{n_wrong} of {n_known} coordinates are wrong, in no known pattern"
    return Diagnosis("unrecognized", message, evidence, block)


def diagnose_gradient(
    analytic: Mapping[str, ArrayLike],
    numeric: Mapping[str, ArrayLike],
    *,
    x: Mapping[str, ArrayLike] | None = None,
    wrong: Mapping[str, NDArray[np.bool_]] | None = None,
    sizes: Mapping[str, int] | None = None,
    tolerance: float = MATCH_TOLERANCE,
) -> tuple[Diagnosis, ...]:
    """Name the errors of a gradient in named blocks. The result is empty if the gradient is right.

    A factor that all blocks share gives one diagnosis. If some blocks are right, ``block-wrong`` names the wrong
    blocks. Each wrong block also has its own diagnosis. If the gradient is a single vector, the search includes one
    contiguous wrong range.

    Parameters
    ----------
    analytic, numeric : mappings of block names to arrays, of the same shapes
    x, wrong : mappings of the same names, as in :func:`diagnose_block`, optional
    sizes : mapping of names to sizes, optional
        Names for constant factors.
    tolerance : float
        Relative difference up to which numbers are taken for equal.
    """
    a = {name: np.asarray(value, np.float64) for name, value in analytic.items()}
    n = {name: np.asarray(numeric[name], np.float64) for name in a}
    masks = {
        name: ~match_coordinates(a[name], n[name], tolerance=tolerance) if wrong is None else np.asarray(wrong[name])
        for name in a
    }
    wrong_names = [name for name in a if masks[name].any()]
    if not wrong_names:
        return ()
    single = len(a) == 1

    whole = diagnose_factor(
        np.concatenate([a[name].reshape(-1) for name in a]),
        np.concatenate([n[name].reshape(-1) for name in a]),
        sizes=sizes,
        tolerance=tolerance,
    )
    if whole is not None:
        return (whole,)

    found: list[Diagnosis] = []
    telling = [name for name in a if name not in wrong_names and np.nan_to_num(n[name]).any()]
    if telling and not single:
        listed = ", ".join(wrong_names)
        message = f"{listed} {'is' if len(wrong_names) == 1 else 'are'} wrong, {', '.join(telling)} right"
        evidence = {"wrong": wrong_names, "right": telling}
        found.append(Diagnosis("block-wrong", message, evidence, wrong_names[0] if len(wrong_names) == 1 else None))
    for name in wrong_names:
        block_name = None if single else name
        point = None if x is None else x[name]
        diagnosis = diagnose_block(
            a[name], n[name], x=point, wrong=masks[name], sizes=sizes, tolerance=tolerance, block=block_name
        )
        if single and a[name].ndim == 1 and diagnosis.code in ("unrecognized", "coordinates-wrong", "sign"):
            ranged = _diagnose_range(a[name], n[name], masks[name], point, sizes, tolerance)
            found.extend(ranged or [diagnosis])
        else:
            found.append(diagnosis)
    return tuple(found)


def _diagnose_range(
    analytic: NDArray[np.float64],
    numeric: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    x: ArrayLike | None,
    sizes: Mapping[str, int] | None,
    tolerance: float,
) -> list[Diagnosis]:
    """Diagnose a packed vector in which one contiguous range is wrong: probably one of the packed arrays."""
    positions = np.flatnonzero(wrong)
    start, stop = int(positions[0]), int(positions[-1]) + 1
    outside = np.nan_to_num(np.delete(numeric, np.s_[start:stop])).any()
    if len(positions) < 3 or len(positions) < 0.9 * (stop - start) or not outside:
        return []
    message = f"coordinates {start} to {stop - 1} are wrong, the others are right: probably one of the packed arrays"
    point = None if x is None else np.asarray(x)[start:stop]
    inside = diagnose_block(
        analytic[start:stop],
        numeric[start:stop],
        x=point,
        sizes=sizes,
        tolerance=tolerance,
        block=f"[{start}:{stop}]",
    )
    evidence = {"start": start, "stop": stop}
    found = [Diagnosis("block-wrong", message, evidence, f"[{start}:{stop}]")]
    return found if inside.code == "unrecognized" else [*found, inside]


def _largest_relative_error(analytic: NDArray[np.float64], numeric: NDArray[np.float64]) -> float:
    a, n = known_pairs(analytic, numeric)
    scale = np.maximum(np.maximum(np.abs(a), np.abs(n)), 1e-3 * np.abs(n).max(initial=0.0))
    return float((np.abs(a - n) / np.where(scale > 0, scale, 1)).max(initial=0.0))


def _ratio(analytic: float, numeric: float) -> float:
    return float(analytic / numeric) if numeric else float("inf")


def _format_coordinate(coordinate: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, coordinate))}]"
