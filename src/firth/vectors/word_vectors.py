"""vectors: WordVectors, a matrix whose rows have words: look-up, neighbours, analogies, editing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, cast, overload

import numpy as np
import numpy.typing as npt

from firth.base.spellings import did_you_mean
from firth.base.values import as_integer, is_integer, is_number, validate_choice
from firth.corpus.tables import read_table
from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.vectors.mapping import RowPages
from firth.vectors.neighbors import (
    Floats,
    Norms,
    Rows,
    all_scores,
    compute_norms,
    exact_scores,
    nearest_by_product,
    nearest_rows,
    unit_rows,
)
from firth.vectors.words import IntegerWords, ListWords, PackedWords, Word, WordStore

Vector = npt.NDArray[Any]
Query = Word | Vector | tuple[Word | Vector, float]
"""What may be asked for: a word, a vector (D,), or either with a weight."""

PRODUCT_EPSILON = 1e-6  # gensim's; Levy & Goldberg (2014) write 0.001


class Neighbor(NamedTuple):
    """A word and its cosine similarity (or score) to what was asked."""

    word: Word
    similarity: float


class _UnknownWordMessage:
    """The message of an `UnknownWordError`, worked out only when somebody reads it."""

    def __init__(self, word: object, store: WordStore) -> None:
        self._word = word
        self._store = store
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._compose()
        return self._text

    __repr__ = __str__

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def _compose(self) -> str:
        text = f"{self._word!r} is not in the vocabulary of {len(self._store)} words"
        if isinstance(self._store, IntegerWords):
            return text + "; its words are integers, and rows are reached through .matrix"
        if isinstance(self._word, bytes):
            return text + "; words are str: decode the bytes"
        if not isinstance(self._word, str):
            return text + "; words are str, and rows are reached through .matrix"
        return text + did_you_mean(self._store.suggest(self._word))


class WordVectors:
    """Vectors of words: row i of ``matrix`` belongs to ``words[i]``.

    Nothing is copied: a memory-mapped matrix stays mapped. A look-up or a similarity touches the rows of its words;
    the first call that needs all rows reads the matrix once for their norms. The object is not changed after it is
    made; the methods that edit return a new one. Rows of zeros have cosine 0 with everything; rows that hold NaN or
    infinity (or are longer than 1e30) are never anyone's neighbours and are refused in a query.

    Parameters
    ----------
    words : sequence of str, PackedWords, or int array, (V,)
        Distinct. Integers where ids were the words: then ``vectors[7]`` is the vector of the word 7, not of row 7.
    matrix : float array, (V, D)
        float32 and float16 are kept as they are; other real numbers are converted to float32. All computation is in
        float32 or float64.
    counts : int array, (V,), optional
        How often each word was seen.

    Raises
    ------
    ShapeError, ParameterError
    """

    def __init__(
        self,
        words: Sequence[str] | Sequence[int] | npt.NDArray[Any] | PackedWords,
        matrix: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
    ) -> None:
        self._store = _as_store(words)
        self._matrix = _as_matrix(matrix)
        n_words, n_dims = self._matrix.shape
        if len(self._store) != n_words:
            raise ShapeError(f"matrix must have a row for each of {len(self._store)} words, got {n_words} rows")
        if n_dims == 0:
            raise ShapeError("matrix must have at least 1 column, got 0")
        self._counts = None if counts is None else _as_counts(counts, n_words)
        self._norms: Norms | None = None
        self._pages = RowPages(self._matrix)

    # ---- what there is

    @property
    def words(self) -> Sequence[Any]:
        """The words by row: a tuple of ``str``, a `PackedWords`, or an int64 array."""
        return cast(Sequence[Any], self._store.sequence())

    @property
    def matrix(self) -> npt.NDArray[Any]:
        """float32 or float16 array (V, D), read-only, not copied."""
        return self._matrix

    @property
    def counts(self) -> npt.NDArray[np.int64] | None:
        """int64 array (V,), or None where they are not known."""
        return self._counts

    @property
    def dims(self) -> int:
        """D, the length of a vector."""
        return int(self._matrix.shape[1])

    @property
    def norms(self) -> npt.NDArray[np.float32]:
        """float32 array (V,): the Euclidean length of each row; read once, then kept."""
        return self.all_norms().values

    def __len__(self) -> int:
        return len(self._store)

    def __contains__(self, word: object) -> bool:
        return self._store.find(word) >= 0

    def __iter__(self) -> Iterator[Any]:
        words = self._store.sequence()
        return iter(words.tolist() if isinstance(words, np.ndarray) else words)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The matrix, (V, D): ``np.asarray(vectors)`` is ``vectors.matrix`` and ``np.array(vectors)`` a copy of it.

        Raises
        ------
        ValueError
            ``copy=False`` with a dtype that needs a copy.
        """
        matrix = self._matrix
        if copy is False and dtype is not None and np.dtype(dtype) != matrix.dtype:
            raise ValueError(f"a copy of the {matrix.dtype} matrix is needed for {np.dtype(dtype)}, got copy=False")
        return np.array(matrix, dtype) if copy else np.asarray(matrix, dtype)

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.dims} dims, {self._matrix.dtype})"

    # ---- look-up

    def word_id(self, word: Word) -> int:
        """The row of a word.

        Raises
        ------
        UnknownWordError
            With near spellings.
        """
        word_id = self._store.find(word)
        if word_id < 0:
            raise UnknownWordError(_UnknownWordMessage(word, self._store))
        return word_id

    def word_ids(self, words: Iterable[Word], *, unknown: Literal["error", "skip", "mark"] = "error") -> Rows:
        """The rows of words, int64; unknown ones raise, are left out, or are -1 with ``unknown="mark"``."""
        validate_choice("unknown", unknown, ("error", "skip", "mark"))
        listed = self._listed(words)
        word_ids = self._store.find_all(listed)
        if unknown == "error" and (missing := np.flatnonzero(word_ids < 0)).size:
            raise UnknownWordError(_UnknownWordMessage(listed[int(missing[0])], self._store))
        return word_ids[word_ids >= 0] if unknown == "skip" else word_ids

    def __getitem__(self, words: Word | Sequence[Word] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The vector (D,) of a word, or the vectors (n, D) of a list of words: float32 copies."""
        if isinstance(words, str):
            return self._rows(self.word_id(words))
        if isinstance(words, (list, tuple)) or (isinstance(words, np.ndarray) and words.ndim == 1):
            return self._rows(self.word_ids(words))
        if isinstance(words, (slice, np.ndarray, set, dict)):
            raise ParameterError(f"words must be a word or a list of words, got {type(words).__name__}; rows: .matrix")
        return self._rows(self.word_id(cast(Word, words)))

    @overload
    def get(self, word: Word) -> npt.NDArray[np.float32] | None: ...

    @overload
    def get(self, word: Word, default: Any) -> Any: ...

    def get(self, word: Word, default: Any = None) -> Any:
        """The vector of a word, or ``default`` where it is unknown."""
        word_id = self._store.find(word)
        return default if word_id < 0 else self._rows(word_id)

    def count(self, word: Word) -> int:
        """How often the word was seen."""
        if self._counts is None:
            raise ParameterError("counts must be known to tell a word's, got vectors without counts")
        return int(self._counts[self.word_id(word)])

    # ---- two or more words

    def similarity(self, first: Word | Vector, second: Word | Vector) -> float:
        """Cosine of two words or vectors, in float64; 0 where one is zero."""
        if isinstance(first, str) and isinstance(second, str):  # the usual case, quickly
            x = self._matrix[self.word_id(first)].astype(np.float64)
            y = self._matrix[self.word_id(second)].astype(np.float64)
            self._pages.touched(2)
            xx, yy = float(x @ x), float(y @ y)
            if 1e-60 < xx < 1e60 and 1e-60 < yy < 1e60:
                return max(-1.0, min(1.0, float(x @ y) / (math.sqrt(xx) * math.sqrt(yy))))
        pair = np.stack([self._unit(first)[0], self._unit(second)[0]])
        return float(np.clip(np.einsum("i,i->", pair[0], pair[1]), -1.0, 1.0))

    def distance(self, first: Word | Vector, second: Word | Vector) -> float:
        """1 - cosine."""
        return 1.0 - self.similarity(first, second)

    def similarities(self, query: Word | Vector, words: Iterable[Word] | None = None) -> Floats:
        """Cosines, float64 (n,), of one word or vector with ``words``, or with all (V,); NaN for rows not finite."""
        unit, _ = self._unit(query)
        if words is None:
            self._pages.keep()
        return all_scores(self._matrix, unit, slice(None) if words is None else self.word_ids(words))

    def distances(self, query: Word | Vector, words: Iterable[Word] | None = None) -> Floats:
        """1 - cosines: see `similarities`."""
        return 1.0 - self.similarities(query, words)

    def text_similarity(
        self,
        first: Iterable[Word],
        second: Iterable[Word],
        *,
        normalize_words: bool = True,
        unknown: Literal["error", "skip"] = "error",
    ) -> float:
        """Cosine of the mean vectors of two lists of words; see `mean_vector`."""
        means = [self._mean(words, None, normalize_words, unknown) for words in (first, second)]
        return float(np.clip(np.einsum("i,i->", *unit_rows(np.stack(means))), -1.0, 1.0))

    def centrality(self, words: Iterable[Word]) -> list[Neighbor]:
        """The words by falling cosine to the mean of all their unit vectors."""
        listed = self._listed(words)
        if not listed:
            raise ParameterError("words must hold at least 1 word, got none")
        units = self._finite_units(self.word_ids(listed), listed)
        mean = unit_rows(units.mean(axis=0, keepdims=True))[0]
        scores = units @ mean
        order = np.argsort(-scores, kind="stable")
        return [Neighbor(listed[place], float(scores[place])) for place in order.tolist()]

    def doesnt_match(self, words: Iterable[Word]) -> Word:
        """The word that fits least: the lowest cosine to the mean of all their unit vectors."""
        listed = self._listed(words)
        if len(listed) < 2:
            raise ParameterError(f"words must hold at least 2 words, got {len(listed)}")
        return self.centrality(listed)[-1].word

    def rank(self, query: Word, other: Word) -> int:
        """1 + the number of words nearer to ``query`` than ``other`` is; ``query`` itself does not count."""
        return 1 + int(np.count_nonzero(self._nearer(query, other)))

    def closer_than(self, query: Word, other: Word) -> list[Word]:
        """The words nearer to ``query`` than ``other`` is, by row; without ``query`` itself."""
        return [self._store.word(word_id) for word_id in np.flatnonzero(self._nearer(query, other)).tolist()]

    def nearest_of(self, query: Word | Vector, words: Iterable[Word]) -> Word:
        """The one of ``words`` that is most similar to ``query``; the first of equals."""
        listed = self._listed(words)
        if not listed:
            raise ParameterError("words must hold at least 1 word, got none")
        scores = self.similarities(query, listed)
        if not np.isfinite(scores).any():
            raise ParameterError("words must hold a word whose vector is finite, got none")
        return listed[int(np.nanargmax(scores))]

    def relative_similarity(self, first: Word, second: Word, *, top: int = 10) -> float:
        """cos(first, second) / sum of the ``top`` highest cosines of ``first`` [1].

        References
        ----------
        [1] Leeuwenberg, Vela, Dehdari, van Genabith (2016), A Minimally Supervised Approach for Synonym Extraction
            with Word Embeddings, equation 3.
        """
        total = sum(neighbor.similarity for neighbor in self.most_similar(first, top=top))
        return self.similarity(first, second) / total if total else 0.0

    def mean_vector(
        self,
        words: Iterable[Word],
        weights: npt.ArrayLike | None = None,
        *,
        normalize_words: bool = True,
        unknown: Literal["error", "skip"] = "error",
    ) -> npt.NDArray[np.float32]:
        """sum_i weight_i v_i / sum_i |weight_i|, float32 (D,), v_i unit vectors unless ``normalize_words`` is False.

        With ``unknown="skip"`` unknown words are left out; where none is known the mean is zero.
        """
        return self._mean(words, weights, normalize_words, unknown).astype(np.float32)

    # ---- neighbours

    def neighbors(
        self,
        queries: Word | Vector | Sequence[Word | Vector],
        *,
        top: int | None = 10,
        restrict: int | None = None,
        candidates: Iterable[Word] | None = None,
        threshold: float | None = None,
    ) -> Any:
        """The nearest words of every query.

        Parameters
        ----------
        queries : word or vector (D,), or a list of them, or array (Q, D)
            Each one is a query of its own, answered in one pass over the matrix; a word is not its own neighbour.
        top : int or None
            How many; None: all.
        restrict : int, optional
            Answers come from the first ``restrict`` rows, the most frequent words where rows fall by count.
        candidates : words, optional
            Answers come from these.
        threshold : float, optional
            Answers have at least this similarity.

        Returns
        -------
        list of Neighbor, or a list of lists where many were asked
            Best first, ties by row. Similarities are float64 cosines of the stored vectors, and the words exactly
            those of highest cosine: float32 products only choose whom to look at.
        """
        if self._is_word(queries) or (
            isinstance(queries, np.ndarray) and queries.ndim == 1 and not self._is_ids(queries)
        ):
            parsed = [self._parse([cast(Query, queries)], [])]
            return self._search(parsed, top, restrict, candidates, threshold)[0]
        parsed = [self._parse([cast(Query, query)], []) for query in cast(Iterable[Any], queries)]
        return self._search(parsed, top, restrict, candidates, threshold)

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        *,
        top: int | None = 10,
        restrict: int | None = None,
        candidates: Iterable[Word] | None = None,
        threshold: float | None = None,
        method: Literal["add", "multiply"] = "add",
    ) -> Any:
        """The words nearest to the mean of ``positive`` minus ``negative``, and far from ``negative``.

        ``method="add"``: cosine with mean_i s_i w_i u_i, u unit vectors, w weights, s = -1 for negative ones.
        ``method="multiply"``, 3CosMul [1]: prod_p (1 + cos(x, p))/2 / (prod_n (1 + cos(x, n))/2 + 1e-6).

        Parameters
        ----------
        positive, negative : word, vector (D,), pair (word or vector, weight), or list of these
            Together one query; the words of a query are no answers to it. A list of lists, or an array (Q, D), is
            many queries, answered in one pass over the matrix (``negative`` then has a list for each). To ask for
            the neighbours of several words one by one, see `neighbors`.
        top, restrict, candidates, threshold
            As in `neighbors`.

        Returns
        -------
        list of Neighbor, or a list of lists for many queries

        References
        ----------
        [1] Levy, Goldberg (2014), Linguistic Regularities in Sparse and Explicit Word Representations.
        """
        validate_choice("method", method, ("add", "multiply"))
        if self._is_many(positive) or self._is_many(negative):
            n_queries = len(positive if positive is not None else negative)
            positives = [[]] * n_queries if positive is None else list(positive)
            negatives = [[]] * n_queries if negative is None else list(negative)
            if len(positives) != len(negatives):
                raise ShapeError(
                    f"negative must have a list for each of {len(positives)} queries, got {len(negatives)}"
                )
            asked = [(self._items(p), self._items(n)) for p, n in zip(positives, negatives, strict=True)]
        else:
            asked = [(self._items(positive), self._items(negative))]
        if method == "add":
            found = self._search([self._parse(p, n) for p, n in asked], top, restrict, candidates, threshold)
        else:
            found = [self._search_product(p, n, top, restrict, candidates, threshold) for p, n in asked]
        return found if self._is_many(positive) or self._is_many(negative) else found[0]

    def analogy(
        self,
        a: Word | Vector,
        b: Word | Vector,
        c: Word | Vector,
        *,
        top: int | None = 10,
        restrict: int | None = None,
        candidates: Iterable[Word] | None = None,
        threshold: float | None = None,
        method: Literal["add", "multiply"] = "add",
    ) -> list[Neighbor]:
        """``a`` is to ``b`` as ``c`` is to what? The words nearest to b - a + c, without the three.

        ``vectors.analogy("man", "king", "woman")`` asks for the queen.
        """
        answer = self.most_similar(
            [b, c], [a], top=top, restrict=restrict, candidates=candidates, threshold=threshold, method=method
        )
        return cast("list[Neighbor]", answer)

    # ---- other vectors made of these

    def select(self, words: Iterable[Word], *, unknown: Literal["error", "skip"] = "error") -> WordVectors:
        """The sub-vocabulary of ``words``, in their order; a copy of their rows."""
        validate_choice("unknown", unknown, ("error", "skip"))
        return self._take(self.word_ids(words, unknown=unknown))

    def head(self, n_words: int) -> WordVectors:
        """The first ``n_words`` rows, not copied: the most frequent words where rows fall by count."""
        as_integer("n_words", n_words, minimum=0)
        return self._take(slice(0, min(n_words, len(self))))

    def without(self, words: Iterable[Word]) -> WordVectors:
        """All but ``words``."""
        keep = np.ones(len(self), dtype=bool)
        keep[self.word_ids(words)] = False
        return self._take(np.flatnonzero(keep))

    def with_words(
        self,
        words: Word | Sequence[Word],
        rows: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        *,
        replace: bool = False,
    ) -> WordVectors:
        """These vectors and more: new words are appended, known ones replaced where ``replace``, else refused.

        Parameters
        ----------
        words : word or list of words
        rows : float array, (D,) or (n, D)
        counts : int or int array (n,), optional
            Only where these vectors have counts; 0 if not given (a replaced word keeps its count).
        """
        single = self._is_word(words)
        listed = [cast(Word, words)] if single else self._listed(cast(Iterable[Word], words))
        added = WordVectors(
            cast(Any, listed), np.atleast_2d(np.asarray(rows)), None if counts is None else np.atleast_1d(counts)
        )
        if added.dims != self.dims:
            raise ShapeError(f"rows must have {self.dims} columns, got {added.dims}")
        if not bool(np.isfinite(added.matrix).all()):
            raise ParameterError("rows must be finite, got NaN or infinity")
        if counts is not None and self._counts is None:
            raise ParameterError("counts must not be given, these vectors have none")
        self._validate_same_kind(added)
        word_ids = self._store.find_all(listed)
        known = np.flatnonzero(word_ids >= 0)
        if known.size and not replace:
            raise ParameterError(f"words must be new unless replace=True, got {listed[int(known[0])]!r}")
        new = np.flatnonzero(word_ids < 0)
        rows_added = _converted(added.matrix, self._matrix.dtype)
        matrix = np.concatenate([self._matrix, rows_added[new]])
        matrix[word_ids[known]] = rows_added[known]
        all_counts = None
        if self._counts is not None:
            new_counts = np.zeros(len(listed), np.int64) if added.counts is None else added.counts
            all_counts = np.concatenate([self._counts, new_counts[new]])
            if added.counts is not None:
                all_counts[word_ids[known]] = added.counts[known]
        return WordVectors(cast(Any, [*self, *(listed[place] for place in new.tolist())]), matrix, all_counts)

    def merge(
        self, other: WordVectors, *, repeated: Literal["error", "first", "second", "mean"] = "error"
    ) -> WordVectors:
        """The words of both, these first. Of a word in both: an error, this vector, the other's, or their mean.

        Counts are added where both have them, and dropped otherwise. The spaces should be the same; `align_spaces`
        rotates one onto the other.
        """
        validate_choice("repeated", repeated, ("error", "first", "second", "mean"))
        if other.dims != self.dims:
            raise ShapeError(f"other must have {self.dims} dims, got {other.dims}")
        self._validate_same_kind(other)
        listed = list(other)
        word_ids = self._store.find_all(listed)
        known = np.flatnonzero(word_ids >= 0)
        if known.size and repeated == "error":
            raise ParameterError(
                f"other must share no words unless repeated is chosen, got {known.size} shared, "
                f"{listed[int(known[0])]!r} among them"
            )
        new = np.flatnonzero(word_ids < 0)
        dtype = np.promote_types(self._matrix.dtype, other.matrix.dtype)
        matrix = np.concatenate([self._matrix, other.matrix[new]], dtype=dtype)
        if repeated == "second":
            matrix[word_ids[known]] = other.matrix[known]
        elif repeated == "mean":
            ours = self._matrix[word_ids[known]].astype(np.float32)
            matrix[word_ids[known]] = (ours + other.matrix[known]) * np.float32(0.5)
        counts = None
        if self._counts is not None and other.counts is not None:
            counts = np.concatenate([self._counts, other.counts[new]])
            counts[word_ids[known]] += other.counts[known]
        return WordVectors(cast(Any, [*self, *(listed[place] for place in new.tolist())]), matrix, counts)

    def astype(self, dtype: npt.DTypeLike) -> WordVectors:
        """The same vectors stored as float32 or float16 (half the memory; computation stays in float32).

        Raises
        ------
        ParameterError
            Another type, or a number that float16 (up to 65,504) cannot hold.
        """
        return WordVectors(cast(Any, self._store.sequence()), _converted(self._matrix, np.dtype(dtype)), self._counts)

    # ---- inside

    def all_norms(self) -> Norms:
        """The norms with what follows from them, for the rest of this room."""
        if self._norms is None:
            self._pages.keep()
            self._norms = compute_norms(self._matrix)
        return self._norms

    def _rows(self, word_ids: int | Rows) -> npt.NDArray[np.float32]:
        """float32 copies of rows."""
        rows = self._matrix[word_ids].astype(np.float32)
        self._pages.touched(1 if rows.ndim == 1 else len(rows))
        return cast("npt.NDArray[np.float32]", rows)

    def _is_word(self, item: object) -> bool:
        if isinstance(item, (str, bytes)):
            return True
        return is_integer(item)

    def _is_ids(self, item: npt.NDArray[Any]) -> bool:
        """An integer array is a list of words where words are integers."""
        return item.dtype.kind in "iuUO" and (item.dtype.kind in "UO" or isinstance(self._store, IntegerWords))

    def _is_many(self, item: Any) -> bool:
        if isinstance(item, np.ndarray):
            return item.ndim == 2
        return isinstance(item, (list, tuple)) and len(item) > 0 and all(isinstance(part, list) for part in item)

    def _listed(self, words: Iterable[Word]) -> list[Word]:
        if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
            raise ParameterError(f"words must be a list of words, got {words!r}; put one word into a list")
        table = read_table(words, "words")
        if isinstance(table, np.ndarray) and table.ndim != 1:
            raise ParameterError(f"words must be a list or a column, got a table of shape {table.shape}")
        listed: Any = words if table is None else table
        return listed.tolist() if isinstance(listed, np.ndarray) else list(listed)

    def _items(self, items: Any) -> list[Query]:
        """A word, a vector, a weighted one, or a list of them, as a list."""
        if items is None:
            return []
        if self._is_word(items):
            return [items]
        if isinstance(items, np.ndarray):
            if self._is_ids(items):
                return cast("list[Query]", items.tolist())
            return list(items) if items.ndim == 2 else [items]
        if isinstance(items, tuple) and len(items) == 2 and is_number(items[1]) and not is_number(items[0]):
            return [cast(Query, items)]
        if not isinstance(items, Iterable):
            raise ParameterError(f"a query must be made of words and vectors, got {type(items).__name__}")
        return list(items)

    def _unit(self, item: Any) -> tuple[Floats, int]:
        """The unit vector (D,), and the row (-1 for a vector) of a word or vector."""
        if isinstance(item, np.ndarray):
            if item.shape != (self.dims,):
                raise ShapeError(f"a query vector must have shape ({self.dims},), got {item.shape}")
            if item.dtype.kind not in "fiu":
                raise ParameterError(f"a query vector must hold real numbers, got {item.dtype}")
            unit = unit_rows(item[None, :])[0]
            if not np.isfinite(unit).all():
                raise ParameterError("a query vector must be finite and shorter than 1e30, got one that is not")
            return unit, -1
        if isinstance(item, float):
            raise ParameterError(f"a query must be made of words and vectors, got {item}; make a vector a NumPy array")
        if isinstance(item, (list, tuple, set, dict)):
            raise ParameterError(
                f"a query must be made of words and vectors, got a {type(item).__name__}: {item!r:.80}"
            )
        word_id = self.word_id(item)
        return self._finite_units(np.array([word_id]), [item])[0], word_id

    def _finite_units(self, word_ids: Rows, words: Sequence[object]) -> Floats:
        units = unit_rows(self._matrix[word_ids])
        self._pages.touched(len(word_ids))
        bad = np.flatnonzero(~np.isfinite(units).all(axis=1))
        if bad.size:
            raise ParameterError(f"the vector of {words[int(bad[0])]!r} must be finite, got NaN, infinity or over 1e30")
        return units

    def _parse(self, positive: Sequence[Query], negative: Sequence[Query]) -> tuple[Floats, list[int]]:
        """The unit vector of a query, and the rows of its words."""
        if not positive and not negative:
            raise ParameterError("positive must hold at least one word or vector, got none")
        total = np.zeros(self.dims)
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
                unit, row = self._unit(item)
                total += sign * float(weight) * unit
                if row >= 0:
                    rows.append(row)
        return unit_rows(total[None, :])[0], rows

    def _searched(
        self, top: int | None, restrict: int | None, candidates: Iterable[Word] | None, threshold: float | None
    ) -> tuple[int, Rows | None, int]:
        """How many answers, which rows (None: the first so many), how many rows."""
        if top is not None:
            as_integer("top", top, minimum=1)
        if threshold is not None and not (is_number(threshold) and np.isfinite(threshold)):
            raise ParameterError(f"threshold must be a finite number, got {threshold!r}")
        total = len(self)
        if restrict is not None:
            as_integer("restrict", restrict, minimum=1)
            total = min(total, restrict)
        rows = None
        if candidates is not None:
            rows = np.unique(self.word_ids(candidates))
            rows = rows[rows < total]
            total = len(rows)
        return (total if top is None else min(top, total)), rows, total

    def _search(
        self,
        queries: Sequence[tuple[Floats, list[int]]],
        top: int | None,
        restrict: int | None,
        candidates: Iterable[Word] | None,
        threshold: float | None,
    ) -> list[list[Neighbor]]:
        n_best, rows, total = self._searched(top, restrict, candidates, threshold)
        if not queries or not total:
            return [[] for _ in queries]
        excluded = [(query_id, row) for query_id, (_, own) in enumerate(queries) for row in sorted(set(own))]
        pairs = np.array(excluded, dtype=np.int64).reshape(-1, 2)
        found = nearest_rows(
            self._matrix,
            self.all_norms(),
            np.stack([unit for unit, _ in queries]),
            n_best,
            rows=rows,
            n_rows=total if rows is None else None,
            excluded=(pairs[:, 0], pairs[:, 1]),
            threshold=threshold,
        )
        return [self._named(*answer) for answer in found]

    def _search_product(
        self,
        positive: Sequence[Query],
        negative: Sequence[Query],
        top: int | None,
        restrict: int | None,
        candidates: Iterable[Word] | None,
        threshold: float | None,
    ) -> list[Neighbor]:
        n_best, rows, total = self._searched(top, restrict, candidates, threshold)
        if not positive:
            raise ParameterError("positive must hold at least one word or vector, got none")
        for item in (*positive, *negative):
            if isinstance(item, tuple):
                raise ParameterError(f'a query must have no weights with method="multiply", got {item!r:.80}')
        asked = [self._unit(item) for item in (*positive, *negative)]
        if not total:
            return []
        return self._named(
            *nearest_by_product(
                self._matrix,
                self.all_norms(),
                np.stack([unit for unit, _ in asked]),
                len(positive),
                PRODUCT_EPSILON,
                n_best,
                rows=rows,
                total=total,
                excluded=np.array([row for _, row in asked if row >= 0], dtype=np.int64),
                threshold=threshold,
            )
        )

    def _named(self, rows: Rows, scores: Floats) -> list[Neighbor]:
        word = self._store.word
        return [Neighbor(word(row), score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]

    def _nearer(self, query: Word, other: Word) -> npt.NDArray[np.bool_]:
        unit, word_id = self._unit(query)
        self._pages.keep()
        scores = all_scores(self._matrix, unit, slice(None))
        other_id = self.word_id(other)
        limit = float(exact_scores(self._matrix, unit[None, :], np.zeros(1, np.int64), np.array([other_id]))[0])
        nearer = np.nan_to_num(scores, nan=-2.0) > limit
        nearer[[word_id, other_id]] = False
        return nearer

    def _mean(
        self,
        words: Iterable[Word],
        weights: npt.ArrayLike | None,
        normalize_words: bool,
        unknown: Literal["error", "skip"],
    ) -> Floats:
        validate_choice("unknown", unknown, ("error", "skip"))
        listed = self._listed(words)
        if not listed:
            raise ParameterError("words must hold at least 1 word, got none")
        factors = np.ones(len(listed)) if weights is None else np.asarray(weights, dtype=np.float64)
        if factors.shape != (len(listed),):
            raise ShapeError(f"weights must have one number for each of {len(listed)} words, got shape {factors.shape}")
        if not np.isfinite(factors).all():
            raise ParameterError("weights must be finite, got NaN or infinity")
        word_ids = self.word_ids(listed, unknown="error" if unknown == "error" else "mark")
        known = np.flatnonzero(word_ids >= 0)
        factors, word_ids = factors[known], word_ids[known]
        units = self._finite_units(word_ids, [listed[place] for place in known.tolist()])
        rows = units if normalize_words else self._matrix[word_ids].astype(np.float64)
        scale = np.abs(factors).sum()
        return cast(Floats, factors @ rows / scale) if scale > 0 else np.zeros(self.dims)

    def _take(self, rows: Rows | slice) -> WordVectors:
        words = self._store.sequence()
        if isinstance(rows, slice) or isinstance(words, np.ndarray):
            chosen = words[rows]
        else:
            chosen = [self._store.word(row) for row in rows.tolist()]
        return WordVectors(chosen, self._matrix[rows], None if self._counts is None else self._counts[rows])

    def _validate_same_kind(self, other: WordVectors) -> None:
        ours, theirs = (isinstance(vectors._store, IntegerWords) for vectors in (self, other))
        if ours != theirs and len(self) and len(other):
            kinds = {True: "integers", False: "strings"}
            raise ParameterError(f"words must be {kinds[ours]} as these are, got {kinds[theirs]}")


def _as_store(words: object) -> WordStore:
    if isinstance(words, PackedWords):
        return words
    if isinstance(words, (str, bytes)):
        raise ParameterError(f"words must be a sequence of words, got one {type(words).__name__}: {words!r:.60}")
    if isinstance(words, np.ndarray):
        if words.ndim != 1:
            raise ShapeError(f"words must be flat, got shape {words.shape}")
        if words.dtype.kind in "iu":
            if words.dtype == np.uint64 and words.size and words.max() > np.uint64(2**63 - 1):
                raise ParameterError(f"words must be below 2^63, got {words.max()}")
            return IntegerWords(words.astype(np.int64))
        words = words.tolist()
    if not isinstance(words, Iterable):
        raise ParameterError(f"words must be a sequence of words, got {type(words).__name__}")
    listed = list(words)
    if listed and all(is_integer(word) for word in listed):
        if any(not -(2**63) <= int(word) < 2**63 for word in listed):
            raise ParameterError("words must fit into 64 bits, got a larger integer")
        return IntegerWords(np.array(listed, dtype=np.int64))
    for word_id, word in enumerate(listed):
        if not isinstance(word, str):
            raise ParameterError(f"words must all be str, or all int, got {type(word).__name__} at row {word_id}")
    return ListWords(listed)


def _as_matrix(matrix: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(matrix)
    if array.ndim != 2:
        raise ShapeError(f"matrix must have two dimensions (words, dims), got shape {array.shape}")
    if array.dtype not in (np.float32, np.float16):
        if array.dtype.kind not in "fiu":
            raise ParameterError(f"matrix must hold real numbers, got {array.dtype}")
        array = array.astype(np.float32)
    array = array.view(np.ndarray)[:]  # a view of its own, so that the caller's array stays writable
    array.flags.writeable = False
    return array


def _as_counts(counts: npt.ArrayLike, n_words: int) -> npt.NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (n_words,):
        raise ShapeError(f"counts must have one number for each of {n_words} words, got shape {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"counts must be integers, got {array.dtype}")
    array = array.astype(np.int64, copy=False)[:]
    if array.size and int(array.min()) < 0:
        raise ParameterError(f"counts must be at least 0, got {int(array.min())}")
    array.flags.writeable = False
    return array


def _converted(matrix: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype not in (np.dtype(np.float32), np.dtype(np.float16)):
        raise ParameterError(f"dtype must be float32 or float16, got {dtype}")
    with np.errstate(over="ignore"):
        converted = matrix.astype(dtype)
    if dtype == np.float16 and bool((np.isinf(converted) & np.isfinite(matrix)).any()):
        raise ParameterError("matrix must stay below 65520 in size to be stored as float16, got a larger number")
    return converted
