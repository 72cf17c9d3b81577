"""Room vectors: the nearest rows of a matrix by cosine. float32 products select candidates; float64 ranks them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Matrix = npt.NDArray[Any]  # float32 or float16, (V, D); never copied as a whole

BLOCK_BYTES = 32 << 20  # size of a block of scores or converted rows: the memory of a query besides the matrix
QUERY_BLOCK = 1024
_ANSWERS_IN_CHUNK = 1 << 17
_PARTITION_QUERIES = 64
_PARTITION_ROWS = 1 << 14
_SORT_ALL_SHARE = 8
_SPARE_CANDIDATES = 1 << 18
_MAX_BLOCK_ROWS = 1 << 20
_MIN_BLOCK_ROWS = 64
_EXACT_PAIRS = 1 << 20  # number of elements of float64 rows that are gathered at once
_SMALLEST_NORM = 1e-30  # a shorter row is treated as zero, because its inverse norm exceeds float32
_LARGEST_NORM = 1e30


@dataclass(frozen=True)
class Norms:
    """Euclidean lengths of the rows, and their inverses, which turn dot products into cosines.

    ``values`` float32 (V,); ``inverse`` float32 (V,), 0 for a zero row; ``not_finite`` the rows with NaN or infinity,
    which have no cosine.
    """

    values: npt.NDArray[np.float32]
    inverse: npt.NDArray[np.float32]
    not_finite: Rows


def compute_norms(matrix: Matrix) -> Norms:
    """Compute the norms of all rows; reads the matrix once, in blocks."""
    n_words, n_dims = matrix.shape
    values = np.empty(n_words, dtype=np.float32)
    block_rows = rows_in_block(n_dims)
    with np.errstate(all="ignore"):
        for start in range(0, n_words, block_rows):
            block = matrix[start : start + block_rows].astype(np.float32, copy=False)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))
            # if the squares are outside float32's range, compute again in float64
            odd = np.flatnonzero(~((norms > 1e-15) & (norms < 1e15)))
            if odd.size:
                norms[odd] = np.sqrt(np.einsum("ij,ij->i", *[block[odd].astype(np.float64)] * 2))
            values[start : start + block_rows] = norms
        inverse = np.where((values > _SMALLEST_NORM) & (values < _LARGEST_NORM), np.float32(1) / values, np.float32(0))
    return Norms(values, inverse.astype(np.float32), np.flatnonzero(~(values < _LARGEST_NORM)))


def unit_rows(rows: npt.NDArray[Any]) -> Floats:
    """Rows divided by their lengths, float64. A zero row stays zero; a row not finite or longer than 1e30 gives NaN."""
    rows = rows.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        rows[lengths <= _SMALLEST_NORM] = 0.0
        rows[~(lengths < _LARGEST_NORM)] = np.nan
        lengths[lengths <= _SMALLEST_NORM] = 1.0
        rows /= lengths[:, None]
    return rows


def score_tolerance(n_dims: int) -> float:
    """A bound on |float32 cosine - exact cosine|: (3D/2 + 16) u.

    u = 2^-24; D u for the dot product, D u / 2 for the norm, the rest for rounding query, row, inverse and product
    [1, section 3.1].

    References
    ----------
    [1] Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd edition.
    """
    return (1.5 * n_dims + 16) * 2.0**-24


def exact_scores(matrix: Matrix, queries: Floats, query_ids: Rows, rows: Rows) -> Floats:
    """Cosine in float64 of each pair: unit query ``query_ids[i]`` and row ``rows[i]``; 0 for a zero row."""
    n_dims = queries.shape[1]
    scores = np.empty(len(rows), dtype=np.float64)
    step = max(1, _EXACT_PAIRS // max(n_dims, 1))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        units = unit_rows(matrix[rows[part]])
        scores[part] = np.einsum("ij,ij->i", units, queries[query_ids[part]])
    return np.clip(scores, -1.0, 1.0, out=scores)


def all_scores(matrix: Matrix, query: Floats, rows: Rows | slice) -> Floats:
    """Cosines in float64 of one unit query with many rows; NaN for a row with NaN or infinity."""
    n_rows = len(rows) if isinstance(rows, np.ndarray) else len(range(*rows.indices(len(matrix))))
    n_dims = len(query)
    scores = np.empty(n_rows, dtype=np.float64)
    step = max(1, _EXACT_PAIRS // max(n_dims, 1))
    first = 0 if isinstance(rows, np.ndarray) else rows.indices(len(matrix))[0]
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, n_rows, step):
            stop = min(n_rows, start + step)
            block = matrix[rows[start:stop] if isinstance(rows, np.ndarray) else slice(first + start, first + stop)]
            # the same order of sums as exact_scores, so that both give equal results for a pair
            units = unit_rows(block)
            scores[start:stop] = np.einsum("ij,ij->i", units, np.broadcast_to(query, units.shape))
    return np.clip(scores, -1.0, 1.0, out=scores)


@dataclass
class _Pool:
    """Candidates of a chunk of queries. Scores may have only the precision of float32."""

    query_ids: Rows
    rows: Rows
    scores: Floats


def nearest_rows(
    matrix: Matrix,
    norms: Norms,
    queries: Floats,
    n_best: int,
    *,
    rows: Rows | None = None,
    n_rows: int | None = None,
    excluded: tuple[Rows, Rows] | None = None,
    threshold: float | None = None,
) -> list[tuple[Rows, Floats]]:
    """The rows of highest cosine for every query, exact in spite of float32 rounding.

    float32 products of blocks select all rows within twice `score_tolerance` of the current n-th best. Their float64
    cosines decide. So the answer does not depend on the blocks, the other queries or the number of threads. Among equal
    cosines the lower row comes first.

    Parameters
    ----------
    matrix : float32 or float16 array, (V, D)
    norms : Norms
    queries : float64 array, (Q, D)
        Unit vectors; for a zero vector every cosine is 0.
    n_best : int
        Number of answers for each query.
    rows : int64 array, optional
        Search only these rows; in ascending order.
    n_rows : int, optional
        Search only the first ``n_rows`` rows. By default all rows are searched.
    excluded : (query ids, rows), optional
        Pairs that must not be answers.
    threshold : float, optional
        Smallest cosine of an answer, in [-1, 1].

    Returns
    -------
    list of (rows, scores), one for each query, by descending score
        Rows with NaN or infinity are never answers.
    """
    total = len(rows) if rows is not None else len(matrix) if n_rows is None else min(n_rows, len(matrix))
    answers: list[tuple[Rows, Floats]] = []
    query_ids, excluded_rows = excluded if excluded is not None else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    if n_best * _SORT_ALL_SHARE > total:  # most rows are answers, so sort all rows
        for query_id in range(len(queries)):
            own = excluded_rows[query_ids == query_id]
            answers.append(_sort_all(matrix, queries[query_id], n_best, rows, total, own, threshold))
        return answers
    step = min(QUERY_BLOCK, max(1, _ANSWERS_IN_CHUNK // n_best))
    for start in range(0, len(queries), step):
        stop = min(len(queries), start + step)
        here = (query_ids >= start) & (query_ids < stop)
        answers += _nearest_of_chunk(
            matrix,
            norms,
            queries[start:stop],
            n_best,
            rows,
            total,
            query_ids[here] - start,
            excluded_rows[here],
            threshold,
        )
    return answers


def _sort_all(
    matrix: Matrix,
    query: Floats,
    n_best: int,
    rows: Rows | None,
    total: int,
    excluded: Rows,
    threshold: float | None,
) -> tuple[Rows, Floats]:
    searched = np.arange(total) if rows is None else rows
    scores = all_scores(matrix, query, slice(0, total) if rows is None else rows)
    keep = np.isfinite(scores)
    if threshold is not None:
        keep &= np.nan_to_num(scores, nan=-2.0) >= threshold
    if excluded.size:
        keep &= ~np.isin(searched, excluded)
    searched, scores = searched[keep], scores[keep]
    order = np.argsort(-scores, kind="stable")[:n_best]
    return searched[order], scores[order]


def _nearest_of_chunk(
    matrix: Matrix,
    norms: Norms,
    queries: Floats,
    n_best: int,
    rows: Rows | None,
    total: int,
    excluded_queries: Rows,
    excluded_rows: Rows,
    threshold: float | None,
) -> list[tuple[Rows, Floats]]:
    n_queries, n_dims = queries.shape
    margin = score_tolerance(n_dims)
    queries32 = queries.astype(np.float32)
    floor = -np.inf if threshold is None else threshold - margin
    cuts = np.full(n_queries, floor, dtype=np.float32)
    if threshold is not None:
        cuts = np.nextafter(cuts, np.float32(-np.inf))
    by_row = np.argsort(excluded_rows, kind="stable")
    excluded_queries, excluded_rows = excluded_queries[by_row], excluded_rows[by_row]
    # divide either the rows by their lengths, D operations a row, or the scores, Q operations a row
    scale_rows = matrix.dtype != np.float32 or rows is not None or n_queries > n_dims
    block_rows = rows_in_block(max(n_queries, n_dims if scale_rows else 1))
    buffer = np.empty(n_queries * min(block_rows, total), dtype=np.float32)
    pool = _Pool(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    pending: list[tuple[Rows, Rows, npt.NDArray[np.float32]]] = []
    n_pending = 0
    next_merge = block_rows
    most_pending = 4 * n_queries * n_best + _SPARE_CANDIDATES

    for start in range(0, total, block_rows):
        stop = min(total, start + block_rows)
        scores = block_scores(matrix, norms, queries32, rows, start, stop, scale_rows, buffer)
        strike(scores, rows, start, stop, norms.not_finite, None)
        strike(scores, rows, start, stop, excluded_rows, excluded_queries)
        n_first = min(stop, max(_PARTITION_ROWS, 4 * n_best))
        if start == 0 and n_first >= 2 * n_best:
            for first in range(0, n_queries, _PARTITION_QUERIES):  # in groups, because numpy.partition copies
                part = scores[first : first + _PARTITION_QUERIES, :n_first]
                best = np.partition(part, n_first - n_best, axis=1)[:, n_first - n_best] - np.float32(2 * margin)
                np.maximum(cuts[first : first + len(part)], best, out=cuts[first : first + len(part)])
        flat = np.flatnonzero(scores > cuts[:, None])
        if flat.size:
            ids, places = np.divmod(flat, stop - start)
            found = scores[ids, places]
            pending.append((ids, (places + start) if rows is None else rows[places + start], found))
            n_pending += flat.size
        if stop >= next_merge or n_pending > most_pending:
            next_merge = max(next_merge, 2 * stop)
            pool = _merge(pool, pending)
            pending, n_pending = [], 0
            pool, cuts = _prune(pool, cuts, n_best, margin)
            if len(pool.rows) > most_pending:  # too many candidates with nearly equal scores: rank them in float64 now
                pool.scores = exact_scores(matrix, queries, pool.query_ids, pool.rows)
                pool, cuts = _prune(pool, cuts, n_best, margin, exact=True)
    pool = _merge(pool, pending)
    pool, cuts = _prune(pool, cuts, n_best, margin)
    pool.scores = exact_scores(matrix, queries, pool.query_ids, pool.rows)
    pool, _ = _prune(pool, cuts, n_best, margin, exact=True)
    if threshold is not None:
        keep = pool.scores >= threshold
        pool = _Pool(pool.query_ids[keep], pool.rows[keep], pool.scores[keep])
    borders = np.searchsorted(pool.query_ids, np.arange(n_queries + 1))
    return [(pool.rows[low:high], pool.scores[low:high]) for low, high in pairwise(borders.tolist())]


def rows_in_block(width: int) -> int:
    return int(min(_MAX_BLOCK_ROWS, max(_MIN_BLOCK_ROWS, BLOCK_BYTES // (4 * max(width, 1)))))


def block_scores(
    matrix: Matrix,
    norms: Norms,
    queries32: npt.NDArray[np.float32],
    rows: Rows | None,
    start: int,
    stop: int,
    scale_rows: bool,
    buffer: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """float32 cosines (Q, stop - start), written into ``buffer`` (flat, with at least Q (stop - start) elements)."""
    n_queries = len(queries32)
    scores = buffer[: n_queries * (stop - start)].reshape(n_queries, stop - start)
    with np.errstate(invalid="ignore", over="ignore"):
        if not scale_rows:
            np.matmul(queries32, matrix[start:stop].T, out=scores)
            scores *= norms.inverse[start:stop]
            return scores
        if rows is None:
            block, inverse = matrix[start:stop], norms.inverse[start:stop]
        else:
            block, inverse = matrix[rows[start:stop]], norms.inverse[rows[start:stop]]
        scaled = np.multiply(block, inverse[:, None], dtype=np.float32)
        return np.matmul(queries32, scaled.T, out=scores)


def strike(
    scores: npt.NDArray[np.float32],
    rows: Rows | None,
    start: int,
    stop: int,
    struck_rows: Rows,
    struck_queries: Rows | None,
) -> None:
    """Set the scores of rows (ascending), or of pairs, to minus infinity if they are in the block."""
    if not struck_rows.size:
        return
    if rows is None:
        low, high = np.searchsorted(struck_rows, [start, stop])
        places = struck_rows[low:high] - start
        chosen = slice(int(low), int(high))
        if struck_queries is None:
            scores[:, places] = -np.inf
        else:
            scores[struck_queries[chosen], places] = -np.inf
        return
    block = rows[start:stop]
    places = np.searchsorted(block, struck_rows)
    inside = places < len(block)
    inside[inside] = block[places[inside]] == struck_rows[inside]
    if struck_queries is None:
        scores[:, places[inside]] = -np.inf
    else:
        scores[struck_queries[inside], places[inside]] = -np.inf


def _merge(pool: _Pool, pending: list[tuple[Rows, Rows, npt.NDArray[np.float32]]]) -> _Pool:
    return _Pool(
        np.concatenate([pool.query_ids, *(part[0] for part in pending)]),
        np.concatenate([pool.rows, *(part[1] for part in pending)]),
        np.concatenate([pool.scores, *(part[2] for part in pending)]).astype(np.float64),
    )


def _prune(
    pool: _Pool, cuts: npt.NDArray[np.float32], n_best: int, margin: float, *, exact: bool = False
) -> tuple[_Pool, npt.NDArray[np.float32]]:
    """Sort by query, score, row; set each cut to the n-th best score less the margin; drop candidates below the cut."""
    order = np.lexsort((pool.rows, -pool.scores, pool.query_ids))
    query_ids, rows, scores = pool.query_ids[order], pool.rows[order], pool.scores[order]
    starts = np.searchsorted(query_ids, np.arange(len(cuts) + 1))
    cuts = cuts.copy()
    full = np.flatnonzero(starts[1:] - starts[:-1] >= n_best)
    cuts[full] = np.maximum(cuts[full], (scores[starts[full] + n_best - 1] - 2 * margin).astype(np.float32))
    keep = np.arange(len(rows)) - starts[query_ids] < n_best if exact else scores >= cuts[query_ids]
    return _Pool(query_ids[keep], rows[keep], scores[keep]), cuts


def nearest_by_product(
    matrix: Matrix,
    norms: Norms,
    units: Floats,
    n_positive: int,
    epsilon: float,
    n_best: int,
    *,
    rows: Rows | None,
    total: int,
    excluded: Rows,
    threshold: float | None,
) -> tuple[Rows, Floats]:
    """The rows of highest 3CosMul, by descending score, then by row.

    score = prod_p (1 + cos)/2 / (prod_n (1 + cos)/2 + epsilon)

    As in `nearest_rows`, float32 selects candidates and float64 ranks them. `score_tolerance` gives bounds of a row's
    score. A row is a candidate if its upper bound is at least the ``n_best``-th highest lower bound.

    Parameters
    ----------
    units : float64 array, (T, D)
        Unit vectors of the query; the first ``n_positive`` are positive, the others negative.
    rows, total
        Search these rows (ascending), or the first ``total`` rows.
    """
    n_terms, n_dims = units.shape
    error = 0.5 * score_tolerance(n_dims) + 2.0**-23
    searched = np.arange(total) if rows is None else rows
    lowest, highest = np.empty(total), np.empty(total)
    scale_rows = matrix.dtype != np.float32 or rows is not None
    block_rows = rows_in_block(max(2 * n_terms, n_dims if scale_rows else 1))
    buffer = np.empty(n_terms * min(block_rows, total), dtype=np.float32)
    units32 = units.astype(np.float32)
    for start in range(0, total, block_rows):
        stop = min(total, start + block_rows)
        shifted = block_scores(matrix, norms, units32, rows, start, stop, scale_rows, buffer)
        shifted += np.float32(1.0)
        shifted *= np.float32(0.5)
        np.clip(shifted, 0.0, 1.0, out=shifted)
        above = np.prod(shifted[:n_positive], axis=0, dtype=np.float64)
        below = np.prod(shifted[n_positive:], axis=0, dtype=np.float64)
        # the factors are in [0, 1] with errors of at most ``error``; the error of a product is at most their sum
        off_above, off_below = n_positive * error, (n_terms - n_positive) * error
        lowest[start:stop] = (above - off_above) / (below + off_below + epsilon)
        highest[start:stop] = (above + off_above) / (np.maximum(below - off_below, 0.0) + epsilon)
    keep = ~(np.isin(searched, excluded) | np.isin(searched, norms.not_finite))
    searched, lowest, highest = searched[keep], lowest[keep], highest[keep]
    cut = -np.inf
    if n_best < len(searched):
        cut = float(np.partition(lowest, len(lowest) - n_best)[len(lowest) - n_best])
    if threshold is not None:
        cut = max(cut, threshold)
    searched = searched[highest >= cut]
    scores = _exact_products(matrix, units, n_positive, epsilon, searched)
    if threshold is not None:
        keep = scores >= threshold
        searched, scores = searched[keep], scores[keep]
    order = np.argsort(-scores, kind="stable")[:n_best]
    return searched[order], scores[order]


def _exact_products(matrix: Matrix, units: Floats, n_positive: int, epsilon: float, rows: Rows) -> Floats:
    products = np.empty(len(rows), dtype=np.float64)
    step = max(1, _EXACT_PAIRS // units.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = unit_rows(matrix[rows[part]])
        shifted = (1.0 + np.clip(np.einsum("ij,tj->it", block, units), -1.0, 1.0)) / 2.0
        products[part] = np.prod(shifted[:, :n_positive], axis=1) / (np.prod(shifted[:, n_positive:], axis=1) + epsilon)
    return products
