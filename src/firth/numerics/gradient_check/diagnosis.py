"""Room numerics: names what is wrong with a gradient, from its values and the right ones. Pure functions over arrays.

A gradient is compared with one that is known better, usually by finite differences; NaN in the latter stands for "not
known here". Nothing below decides *whether* a gradient is wrong: that is ``check_gradient``'s.
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
    """What is wrong with one block that *is* wrong: the first pattern that explains all of it.

    Parameters
    ----------
    analytic, numeric : arrays of one shape
        NaN in ``numeric`` is "not known here".
    x : array of that shape
        The point, for ``multiple-of-input``.
    wrong : bool array of that shape
        The coordinates that are wrong, as the caller knows better; by default those that differ by ``tolerance``.
    sizes : mapping of names to sizes, to name a factor with
    """
    a, n = np.asarray(analytic, np.float64), np.asarray(numeric, np.float64)
    if not np.all(np.isfinite(a)):
        places = [tuple(map(int, place)) for place in np.argwhere(~np.isfinite(a))[:FEW_COORDINATES]]
        count = int((~np.isfinite(a)).sum())
        evidence: dict[str, Any] = {"n_not_finite": count, "coordinates": places}
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
        message = f"the gradient is right to {largest_error:.1e} only: an approximation, or a loss of precision"
        return Diagnosis("inaccurate", message, evidence, block)
    rows = diagnose_rows(a, n, wrong=mask, tolerance=tolerance, block=block)
    if rows is not None:
        return rows
    if 0 < n_wrong <= min(FEW_COORDINATES, (n_known - 1) // 2 or 1) and n_known > 1:
        places = [tuple(map(int, place)) for place in np.argwhere(mask)]
        evidence |= {"coordinates": places, "ratios": [_ratio(a[place], n[place]) for place in places]}
        which = ", ".join(_format_place(place) for place in places)
        return Diagnosis("coordinates-wrong", f"{n_wrong} of {n_known} coordinates are wrong: {which}", evidence, block)
    message = f"{n_wrong} of {n_known} coordinates are wrong, in no pattern known here"
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
    """What is wrong with a gradient in named blocks; empty where it agrees everywhere.

    A pattern that explains every block alike (a factor) is told once. Where some blocks are right, ``block-wrong``
    names the others, and each of these has its own diagnosis. A gradient in a single block, a vector, is searched
    for one contiguous range that is wrong.

    Parameters
    ----------
    analytic, numeric : mappings of block names to arrays, of the same shapes
    x, wrong : mappings of the same names, as in :func:`diagnose_block`
    sizes : mapping of names to sizes, to name a factor with
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
    """A packed vector of which one contiguous range is wrong: probably one of the arrays packed in it."""
    places = np.flatnonzero(wrong)
    start, stop = int(places[0]), int(places[-1]) + 1
    outside = np.nan_to_num(np.delete(numeric, np.s_[start:stop])).any()
    if len(places) < 3 or len(places) < 0.9 * (stop - start) or not outside:
        return []
    message = f"coordinates {start} to {stop - 1} are wrong and the others right: probably one array of those packed"
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


def _format_place(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]"
