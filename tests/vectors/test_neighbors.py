"""Top-k by blocks against a full sort; ties, zeros, NaN, exclusions, thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from firth.vectors import neighbors as nb


def full_sort(matrix, query, n_best, allowed, excluded, threshold):
    """The oracle: every cosine by its formula, in longer floats, then one sort."""
    answers = []
    for row in allowed:
        x = matrix[row].astype(np.longdouble)
        if not np.isfinite(x).all() or row in excluded:
            continue
        length = np.sqrt(np.sum(x * x)) * np.sqrt(np.sum(query.astype(np.longdouble) ** 2))
        score = float(np.sum(x * query) / length) if length > 1e-30 else 0.0
        answers.append((-score, row))
    answers.sort()
    return [(row, -negative) for negative, row in answers if threshold is None or -negative >= threshold][:n_best]


def assert_same(found, expected, oracle_scores) -> None:
    """Equal scores place by place; where two differ by rounding alone the rows may change places."""
    rows, scores = found
    assert len(rows) == len(expected)
    assert len(set(rows.tolist())) == len(rows)
    np.testing.assert_allclose(scores, [score for _, score in expected], rtol=0, atol=1e-14)
    np.testing.assert_allclose(scores, [oracle_scores[row] for row in rows.tolist()], rtol=0, atol=1e-14)
    for place in range(1, len(rows)):
        assert (-scores[place - 1], rows[place - 1]) < (-scores[place], rows[place])


@st.composite
def searches(draw):
    n_words = draw(st.integers(1, 60))
    n_dims = draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([np.float32, np.float16]))
    # small whole numbers: many ties and zero rows
    whole = st.integers(-2, 2).map(float)
    odd = st.floats(-1000, 1000, width=16)
    matrix = draw(arrays.arrays(dtype, (n_words, n_dims), elements=draw(st.sampled_from([whole, odd]))))
    for row in draw(st.lists(st.integers(0, n_words - 1), max_size=3)):
        matrix[row, 0] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    queries = draw(arrays.arrays(np.float64, (draw(st.integers(1, 8)), n_dims), elements=whole))
    n_best = draw(st.integers(1, n_words))
    rows = draw(st.none() | st.lists(st.integers(0, n_words - 1), unique=True, min_size=1).map(sorted))
    n_rows = draw(st.none() | st.integers(1, n_words)) if rows is None else None
    pairs = draw(st.lists(st.tuples(st.integers(0, len(queries) - 1), st.integers(0, n_words - 1)), max_size=8))
    threshold = draw(st.none() | st.sampled_from([-1.5, -0.3, 0.31, 0.9]))
    return matrix, queries, n_best, rows, n_rows, pairs, threshold


@pytest.mark.parametrize("always_blocked", [True, False])
@settings(max_examples=150, deadline=None)
@given(search=searches(), block_rows=st.sampled_from([1, 3, 7, 64]))
def test_blocks_find_what_a_full_sort_finds(always_blocked: bool, search, block_rows: int) -> None:
    matrix, queries, n_best, rows, n_rows, pairs, threshold = search
    allowed = list(range(n_rows or len(matrix))) if rows is None else rows
    excluded = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nb, "rows_in_block", lambda width: block_rows)
        patch.setattr(nb, "_PARTITION_QUERIES", 3)
        if always_blocked:
            patch.setattr(nb, "_SORT_ALL_SHARE", 0)
        found = nb.nearest_rows(
            matrix,
            nb.compute_norms(matrix),
            nb.unit_rows(queries),
            n_best,
            rows=None if rows is None else np.array(rows),
            n_rows=n_rows,
            excluded=(excluded[:, 0], excluded[:, 1]),
            threshold=threshold,
        )
    for query_id, query in enumerate(queries):
        own = {row for place, row in pairs if place == query_id}
        everything = dict(full_sort(matrix, query, len(matrix), range(len(matrix)), set(), None))
        # a score that rounding alone lifts over the threshold, or off it, is nobody's mistake
        if threshold is not None and any(abs(score - threshold) < 1e-12 for score in everything.values()):
            continue
        assert_same(found[query_id], full_sort(matrix, query, n_best, allowed, own, threshold), everything)


@settings(max_examples=100, deadline=None)
@given(search=searches(), block_rows=st.sampled_from([1, 3, 7, 64]), n_positive=st.integers(1, 8))
def test_products_find_what_a_full_sort_finds(search, block_rows: int, n_positive: int) -> None:
    matrix, queries, n_best, rows, n_rows, pairs, threshold = search
    units = nb.unit_rows(queries)
    n_positive = min(n_positive, len(units))
    allowed = list(range(n_rows or len(matrix))) if rows is None else rows
    excluded = [row for _, row in pairs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nb, "rows_in_block", lambda width: block_rows)
        found, scores = nb.nearest_by_product(
            matrix,
            nb.compute_norms(matrix),
            units,
            n_positive,
            1e-6,
            n_best,
            rows=None if rows is None else np.array(rows),
            total=len(allowed),
            excluded=np.array(excluded, dtype=np.int64),
            threshold=threshold,
        )
    expected = {}
    for row in allowed:
        x = nb.unit_rows(matrix[row : row + 1])[0]
        if row not in excluded and np.isfinite(x).all():
            factors = [(1 + max(-1.0, min(1.0, float(np.dot(unit, x))))) / 2 for unit in units]
            expected[row] = math.prod(factors[:n_positive]) / (math.prod(factors[n_positive:]) + 1e-6)
    if threshold is not None:
        if any(abs(score - threshold) < 1e-9 for score in expected.values()):
            return
        expected = {row: score for row, score in expected.items() if score >= threshold}
    assert len(found) == min(n_best, len(expected))
    best = sorted(expected.values(), reverse=True)[:n_best]
    np.testing.assert_allclose(scores, best, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(scores, [expected[row] for row in found.tolist()], rtol=1e-7, atol=1e-12)
    for place in range(1, len(found)):
        assert (-scores[place - 1], found[place - 1]) < (-scores[place], found[place])


def test_answers_do_not_depend_on_blocks_or_company() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3000, 40)).astype(np.float32)
    matrix[1000:1200] = matrix[0]  # two hundred equal rows: the lowest are the answers
    matrix[1200:1300] = matrix[0] * np.float32(1 + 2**-20)
    norms, queries = nb.compute_norms(matrix), nb.unit_rows(matrix[:70])
    reference = [nb._sort_all(matrix, query, 10, None, 3000, np.zeros(0, np.int64), None) for query in queries]
    for block_bytes in (1 << 12, 1 << 16, 1 << 24):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nb, "BLOCK_BYTES", block_bytes)
            together = nb.nearest_rows(matrix, norms, queries, 10)
            alone = [nb.nearest_rows(matrix, norms, query[None, :], 10)[0] for query in queries[:5]]
        for found, expected in zip([*together, *alone], [*reference, *reference[:5]], strict=True):
            assert found[0].tolist() == expected[0].tolist()
            np.testing.assert_allclose(found[1], expected[1], atol=1e-14)


def near_ties() -> tuple[np.ndarray, np.ndarray]:
    """Rows that float32 cannot tell apart, and three queries."""
    rng = np.random.default_rng(1)
    matrix = np.repeat(rng.standard_normal((1, 30)), 2000, axis=0).astype(np.float32)
    matrix *= 1 + 1e-7 * rng.standard_normal(matrix.shape).astype(np.float32)
    return matrix, nb.unit_rows(matrix[:3] + 0.1)


def test_more_near_ties_than_the_pool_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nb, "_SPARE_CANDIDATES", 16)
    monkeypatch.setattr(nb, "rows_in_block", lambda width: 50)
    decided: list[int] = []
    exact_scores = nb.exact_scores
    monkeypatch.setattr(nb, "exact_scores", lambda *a: (decided.append(len(a[3])), exact_scores(*a))[1])
    matrix, queries = near_ties()
    found = nb.nearest_rows(matrix, nb.compute_norms(matrix), queries, 5)
    for query, (rows, _) in zip(queries, found, strict=True):
        assert rows.tolist() == nb._sort_all(matrix, query, 5, None, 2000, np.zeros(0, np.int64), None)[0].tolist()
    assert max(decided) < 400  # of 6,000 pairs: a block's at a time, not all at the end


def test_near_ties_of_products() -> None:
    matrix, queries = near_ties()
    every = np.arange(2000)
    for n_positive in (1, 2, 3):
        rows, _ = nb.nearest_by_product(
            matrix,
            nb.compute_norms(matrix),
            queries,
            n_positive,
            1e-6,
            5,
            rows=None,
            total=2000,
            excluded=np.zeros(0, np.int64),
            threshold=None,
        )
        exact = nb._exact_products(matrix, queries, n_positive, 1e-6, every)
        assert rows.tolist() == np.argsort(-exact, kind="stable")[:5].tolist()


def test_a_threshold_is_exact() -> None:
    matrix, queries = near_ties()
    exact = nb.all_scores(matrix, queries[0], slice(None))
    threshold = float(np.sort(exact)[-40])
    rows, scores = nb.nearest_rows(matrix, nb.compute_norms(matrix), queries[:1], 100, threshold=threshold)[0]
    assert set(rows.tolist()) == set(np.flatnonzero(exact >= threshold).tolist())
    assert scores.min() == threshold


def test_float32_stays_within_its_tolerance() -> None:
    rng = np.random.default_rng(2)
    for n_dims in (1, 10, 300, 2000):
        matrix = (rng.standard_normal((200, n_dims)) * 10.0 ** rng.integers(-12, 12, (200, 1))).astype(np.float32)
        queries = nb.unit_rows(rng.standard_normal((20, n_dims)))
        norms = nb.compute_norms(matrix)
        exact = np.stack([nb.all_scores(matrix, query, slice(None)) for query in queries])
        for scale_rows in (True, False):
            buffer = np.empty(20 * 200, dtype=np.float32)
            scores = nb.block_scores(matrix, norms, queries.astype(np.float32), None, 0, 200, scale_rows, buffer)
            assert np.abs(scores - exact).max() < nb.score_tolerance(n_dims)


def test_norms_of_odd_rows() -> None:
    matrix = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 0], [3e-25, 4e-25], [3e20, 4e20], [1e-35, 0]], np.float32)
    norms = nb.compute_norms(matrix)
    np.testing.assert_allclose(norms.values[[0, 1, 4, 5]], [5, 0, 5e-25, 5e20], rtol=1e-6)
    assert norms.not_finite.tolist() == [2, 3]
    assert norms.inverse[[1, 2, 3, 6]].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(norms.inverse[[0, 4, 5]], [0.2, 2e24, 2e-21], rtol=1e-6)
