"""vectors: what a query is made of, words and vectors with weights, and the words that answer it.

Tests: tests/vectors/test_word_vectors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from firth.base.html import html_table
from firth.base.values import as_integer, is_integer, is_number, validate_choice
from firth.errors import ParameterError, ShapeError
from firth.formats.table import SubwordRows
from firth.vectors.neighbors import Floats, Rows, all_scores, exact_scores, nearest_by_product, nearest_rows, unit_rows
from firth.vectors.word_rows import WordRows, list_words, validate_vocabulary
from firth.vectors.words import IntegerWords, Word

Vector = npt.NDArray[Any]
Query = Word | Vector | tuple[Word | Vector, float]
"""An item of a query: a word, a vector (D,), or a pair of one of these and a weight."""

PRODUCT_EPSILON = 1e-6  # gensim's; Levy & Goldberg (2014) write 0.001


Unknown = Literal["error", "skip", "compose"]
"""What becomes of a word that is not in the vocabulary."""


class Neighbor(NamedTuple):
    """A word and its cosine similarity (or score) to the query."""

    word: Word
    similarity: float


class Neighbors(list[Neighbor]):
    """A list of words with their similarities. A notebook shows it as a table."""

    def _repr_html_(self) -> str:
        return html_table("", ("word", "similarity"), self)


class Search(NamedTuple):
    """The options of ``WordVectors.neighbors``: the candidates, and the number of answers."""

    top: int | None = 10
    restrict: int | None = None
    candidates: Iterable[Word] | None = None
    threshold: float | None = None


def choose_unknown(subwords: SubwordRows | None, unknown: str | None, otherwise: Unknown) -> Unknown:
    """The choice that the user made, or, where none was, "compose" of vectors with n-grams and ``otherwise`` of others.

    Raises
    ------
    ParameterError
        No choice, or "compose" of vectors without n-grams.
    """
    if unknown is None:
        return otherwise if subwords is None else "compose"
    validate_choice("unknown", unknown, ("error", "skip", "compose"))
    if unknown == "compose":
        validate_composing(subwords)
    return cast(Unknown, unknown)


def validate_composing(subwords: SubwordRows | None) -> None:
    """Raise ParameterError where vectors have no n-grams to compose others of."""
    if subwords is None:
        raise ParameterError(
            'unknown must be another choice than "compose" for vectors without n-grams; train with subwords=True, or'
            " read the .bin file of fastText"
        )


def is_word(item: object) -> bool:
    """Whether a value is a word, and not a list of words or a vector."""
    return isinstance(item, (str, bytes)) or is_integer(item)


def _is_ids(vectors: WordRows, item: npt.NDArray[Any]) -> bool:
    """Whether an array is a list of words: an integer array, if words are integers."""
    return item.dtype.kind in "iuUO" and (item.dtype.kind in "UO" or isinstance(vectors.store, IntegerWords))


def is_many(item: Any) -> bool:
    """Whether a value is several queries: a matrix, or a list of lists."""
    if isinstance(item, np.ndarray):
        return item.ndim == 2
    return isinstance(item, (list, tuple)) and len(item) > 0 and all(isinstance(part, list) for part in item)


def list_items(vectors: WordRows, items: Any) -> list[Query]:
    """A word, a vector, a weighted one, or a list of them, as a list."""
    if items is None:
        return []
    if is_word(items):
        return [items]
    if isinstance(items, np.ndarray):
        if _is_ids(vectors, items):
            return cast("list[Query]", items.tolist())
        return list(items) if items.ndim == 2 else [items]
    if isinstance(items, tuple) and len(items) == 2 and is_number(items[1]) and not is_number(items[0]):
        return [cast(Query, items)]
    if not isinstance(items, Iterable):
        raise ParameterError(f"a query must be made of words and vectors, got {type(items).__name__}")
    return list(items)


def unit_of(vectors: WordRows, item: Any) -> tuple[Floats, int]:
    """The unit vector (D,) of a word or vector, and its row (-1 for a vector)."""
    if isinstance(item, np.ndarray):
        if item.shape != (vectors.dims,):
            raise ShapeError(f"a query vector must have shape ({vectors.dims},), got {item.shape}")
        if item.dtype.kind not in "fiu":
            raise ParameterError(f"a query vector must hold real numbers, got {item.dtype}")
        unit = unit_rows(item[None, :])[0]
        if not np.isfinite(unit).all():
            raise ParameterError("a query vector must be finite and shorter than 1e30, got one that is not")
        return unit, -1
    if isinstance(item, float):
        raise ParameterError(f"a query must be made of words and vectors, got {item}; make a vector a NumPy array")
    if isinstance(item, (list, tuple, set, dict)):
        raise ParameterError(f"a query must be made of words and vectors, got a {type(item).__name__}: {item!r:.80}")
    word_id = vectors.store.find(item) if vectors.subwords is not None else vectors.word_id(item)
    if word_id < 0:
        return vectors.units_of([item])[0], -1
    return vectors.finite_units(np.array([word_id]), [item])[0], word_id


def parse_query(vectors: WordRows, positive: Sequence[Query], negative: Sequence[Query]) -> tuple[Floats, list[int]]:
    """The unit vector of a query, and the rows of its words."""
    if not positive and not negative:
        raise ParameterError("positive must hold at least one word or vector, got none")
    total = np.zeros(vectors.dims)
    rows: list[int] = []
    for sign, items in ((1.0, positive), (-1.0, negative)):
        for item in items:
            weight = 1.0
            if isinstance(item, tuple):
                if len(item) != 2 or not is_number(item[1]):
                    raise ParameterError(f"a weighted query must be a pair (word, weight), got {item!r:.80}")
                item, weight = item
                if not np.isfinite(weight):
                    raise ParameterError(f"a weight must be finite, got {weight}")
            unit, row = unit_of(vectors, item)
            total += sign * float(weight) * unit
            if row >= 0:
                rows.append(row)
    return unit_rows(total[None, :])[0], rows


def _searched(vectors: WordRows, wanted: Search) -> tuple[int, Rows | None, int]:
    """Number of answers, rows of the candidates (None: the first rows), number of candidates."""
    validate_vocabulary(len(vectors), vectors.subwords)
    if wanted.top is not None:
        as_integer("top", wanted.top, minimum=1)
    if wanted.threshold is not None and not (is_number(wanted.threshold) and np.isfinite(wanted.threshold)):
        raise ParameterError(f"threshold must be a finite number, got {wanted.threshold!r}")
    total = len(vectors)
    if wanted.restrict is not None:
        as_integer("restrict", wanted.restrict, minimum=1)
        total = min(total, wanted.restrict)
    rows = None
    if wanted.candidates is not None:
        rows = np.unique(vectors.word_ids(wanted.candidates))
        rows = rows[rows < total]
        total = len(rows)
    return (total if wanted.top is None else min(wanted.top, total)), rows, total


def search(
    vectors: WordRows,
    queries: Sequence[tuple[Floats, list[int]]],
    wanted: Search,
) -> list[Neighbors]:
    """The nearest words of every parsed query; `parse_query` parses them."""
    n_best, rows, total = _searched(vectors, wanted)
    if not queries or not total:
        return [Neighbors() for _ in queries]
    excluded = [(query_id, row) for query_id, (_, own) in enumerate(queries) for row in sorted(set(own))]
    pairs = np.array(excluded, dtype=np.int64).reshape(-1, 2)
    found = nearest_rows(
        vectors.matrix,
        vectors.norms(),
        np.stack([unit for unit, _ in queries]),
        n_best,
        rows=rows,
        n_rows=total if rows is None else None,
        excluded=(pairs[:, 0], pairs[:, 1]),
        threshold=wanted.threshold,
    )
    return [_named(vectors, *answer) for answer in found]


def search_product(
    vectors: WordRows,
    positive: Sequence[Query],
    negative: Sequence[Query],
    wanted: Search,
) -> Neighbors:
    """The words with the highest 3CosMul scores for one query."""
    n_best, rows, total = _searched(vectors, wanted)
    if not positive:
        raise ParameterError("positive must hold at least one word or vector, got none")
    for item in (*positive, *negative):
        if isinstance(item, tuple):
            raise ParameterError(f'a query must have no weights with method="multiply", got {item!r:.80}')
    asked = [unit_of(vectors, item) for item in (*positive, *negative)]
    if not total:
        return Neighbors()
    return _named(
        vectors,
        *nearest_by_product(
            vectors.matrix,
            vectors.norms(),
            np.stack([unit for unit, _ in asked]),
            len(positive),
            PRODUCT_EPSILON,
            n_best,
            rows=rows,
            total=total,
            excluded=np.array([row for _, row in asked if row >= 0], dtype=np.int64),
            threshold=wanted.threshold,
        ),
    )


def _named(vectors: WordRows, rows: Rows, scores: Floats) -> Neighbors:
    word = vectors.store.word
    return Neighbors(Neighbor(word(row), score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True))


def find_nearer(vectors: WordRows, query: Word, other: Word) -> npt.NDArray[np.bool_]:
    """bool (V,): the words nearer to ``query`` than ``other`` is, without both."""
    validate_vocabulary(len(vectors), vectors.subwords)
    unit, word_id = unit_of(vectors, query)
    vectors.pages.keep()
    scores = all_scores(vectors.matrix, unit, slice(None))
    other_unit, other_id = unit_of(vectors, other)
    if other_id >= 0:
        limit = float(exact_scores(vectors.matrix, unit[None, :], np.zeros(1, np.int64), np.array([other_id]))[0])
    else:
        limit = float(unit @ other_unit)
    nearer = np.nan_to_num(scores, nan=-2.0) > limit
    nearer[[row for row in (word_id, other_id) if row >= 0]] = False
    return nearer


def mean_of(
    vectors: WordRows,
    words: Iterable[Word],
    weights: npt.ArrayLike | None,
    normalize_words: bool,
    unknown: Unknown | None,
) -> Floats:
    """The weighted mean of the vectors of words, float64 (D,): see ``WordVectors.mean_vector``."""
    unknown = choose_unknown(vectors.subwords, unknown, "error")
    listed = list_words(words)
    if not listed:
        raise ParameterError("words must hold at least 1 word, got none")
    factors = np.ones(len(listed)) if weights is None else np.asarray(weights, dtype=np.float64)
    if factors.shape != (len(listed),):
        raise ShapeError(f"weights must have one number for each of {len(listed)} words, got shape {factors.shape}")
    if not np.isfinite(factors).all():
        raise ParameterError("weights must be finite, got NaN or infinity")
    if unknown == "compose":
        units = vectors.units_of(listed)
        rows = units if normalize_words else vectors.vectors_of(listed).astype(np.float64)
    else:
        word_ids = vectors.word_ids(listed, unknown="error" if unknown == "error" else "mark")
        known = np.flatnonzero(word_ids >= 0)
        factors, word_ids = factors[known], word_ids[known]
        units = vectors.finite_units(word_ids, [listed[place] for place in known.tolist()])
        rows = units if normalize_words else vectors.matrix[word_ids].astype(np.float64)
    scale = np.abs(factors).sum()
    return cast(Floats, factors @ rows / scale) if scale > 0 else np.zeros(vectors.dims)


def nearest_words(vectors: WordRows, queries: Any, wanted: Search) -> Any:
    """The result of ``WordVectors.neighbors``."""
    is_vector = isinstance(queries, np.ndarray) and queries.ndim == 1 and not _is_ids(vectors, queries)
    if is_word(queries) or is_vector:
        return search(vectors, [parse_query(vectors, [cast(Query, queries)], [])], wanted)[0]
    parsed = [parse_query(vectors, [cast(Query, query)], []) for query in cast(Iterable[Any], queries)]
    return search(vectors, parsed, wanted)


def most_similar_words(
    vectors: WordRows, positive: Any, negative: Any, method: Literal["add", "multiply"], wanted: Search
) -> Any:
    """The result of ``WordVectors.most_similar``."""
    validate_choice("method", method, ("add", "multiply"))
    many = is_many(positive) or is_many(negative)
    if many:
        n_queries = len(positive if positive is not None else negative)
        positives = [[]] * n_queries if positive is None else list(positive)
        negatives = [[]] * n_queries if negative is None else list(negative)
        if len(positives) != len(negatives):
            raise ShapeError(f"negative must have a list for each of {len(positives)} queries, got {len(negatives)}")
        asked = [(list_items(vectors, p), list_items(vectors, n)) for p, n in zip(positives, negatives, strict=True)]
    else:
        asked = [(list_items(vectors, positive), list_items(vectors, negative))]
    if method == "add":
        found = search(vectors, [parse_query(vectors, p, n) for p, n in asked], wanted)
    else:
        found = [search_product(vectors, p, n, wanted) for p, n in asked]
    return found if many else found[0]


def rank_by_centrality(vectors: WordRows, words: Iterable[Word]) -> Neighbors:
    """The words sorted by falling cosine to the mean of all their unit vectors."""
    listed = list_words(words)
    if not listed:
        raise ParameterError("words must hold at least 1 word, got none")
    units = vectors.units_of(listed)
    mean = unit_rows(units.mean(axis=0, keepdims=True))[0]
    scores = units @ mean
    order = np.argsort(-scores, kind="stable")
    return Neighbors(Neighbor(listed[place], float(scores[place])) for place in order.tolist())
