"""vectors: WordVectors, a matrix whose rows have words: look-up, neighbours, analogies, editing."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, cast, overload

import numpy as np
import numpy.typing as npt

from firth.base.html import html_table
from firth.base.other_names import QUERY_NAMES, VECTOR_ATTRIBUTES, missing_attribute, names_translated
from firth.base.values import as_integer, validate_choice
from firth.errors import ParameterError
from firth.formats.table import SubwordRows
from firth.vectors.editing import append_words, convert_matrix, convert_subwords, merge_rows, take_rows
from firth.vectors.export import make_frame, make_table
from firth.vectors.neighbors import Floats, Norms, Rows, all_scores, unit_rows
from firth.vectors.queries import (
    PRODUCT_EPSILON,
    Neighbor,
    Query,
    Search,
    Unknown,
    Vector,
    find_nearer,
    is_word,
    mean_of,
    most_similar_words,
    nearest_words,
    rank_by_centrality,
    unit_of,
)
from firth.vectors.word_rows import Subword, WordRows, list_words, validate_vocabulary
from firth.vectors.words import PackedWords, Word


class WordVectors:
    """Vectors of words: row i of ``matrix`` belongs to ``words[i]``.

    The matrix is not copied; a memory-mapped matrix stays mapped. A look-up or a similarity reads only the rows of its
    words. The first call that needs all rows computes the norms. The object does not change; methods return new ones. A
    row of zeros has cosine 0 with every vector. A row that has NaN or infinity, or a norm above 1e30, is never a
    neighbour, and a query with it is refused.

    Parameters
    ----------
    words : sequence of str, PackedWords, or int array, (V,)
        Distinct words. If the words are integers, ``vectors[7]`` is the vector of the word 7, not of row 7.
    matrix : float array, (V, D)
        float32 and float16 are kept as they are; other real numbers are converted to float32. All computation is in
        float32 or float64.
    counts : int array, (V,), optional
        The count of each word in the corpus.
    subwords : SubwordRows, optional
        Rows of n-grams, of which a word that is not in the vocabulary gets its vector. Then every word that has an
        n-gram has a vector; ``word in vectors`` still asks the vocabulary.

    Raises
    ------
    ShapeError, ParameterError
    """

    def __init__(
        self,
        words: Sequence[str] | Sequence[int] | npt.NDArray[Any] | PackedWords,
        matrix: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        subwords: SubwordRows | None = None,
    ) -> None:
        self._rows = WordRows(words, matrix, counts, subwords)

    # ---- what there is

    @property
    def words(self) -> Sequence[Any]:
        """The words by row: a tuple of ``str``, a `PackedWords`, or an int64 array."""
        return self._rows.words

    @property
    def matrix(self) -> npt.NDArray[Any]:
        """float32 or float16 array (V, D), read-only, not copied."""
        return self._rows.matrix

    @property
    def counts(self) -> npt.NDArray[np.int64] | None:
        """int64 array (V,), or None if the counts are not known."""
        return self._rows.counts

    @property
    def subword_rows(self) -> SubwordRows | None:
        """The rows of n-grams and the rules that cut words; None: these vectors have none."""
        return self._rows.subwords

    @property
    def dims(self) -> int:
        """D, the number of dimensions of a vector."""
        return self._rows.dims

    @property
    def norms(self) -> npt.NDArray[np.float32]:
        """float32 array (V,): the Euclidean norm of each row; computed once, then kept."""
        return self.all_norms().values

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, word: object) -> bool:
        validate_vocabulary(len(self), self.subword_rows)
        return self._rows.store.find(word) >= 0

    def __iter__(self) -> Iterator[Any]:
        words: Any = self._rows.words
        return iter(words.tolist() if isinstance(words, np.ndarray) else words)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The matrix, (V, D): ``np.asarray(vectors)`` is ``vectors.matrix`` and ``np.array(vectors)`` a copy of it.

        Raises
        ------
        ValueError
            ``copy=False`` with a dtype that needs a copy.
        """
        matrix = self._rows.matrix
        if copy is False and dtype is not None and np.dtype(dtype) != matrix.dtype:
            raise ValueError(f"a copy of the {matrix.dtype} matrix is needed for {np.dtype(dtype)}, got copy=False")
        return np.array(matrix, dtype) if copy else np.asarray(matrix, dtype)

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.dims} dims, {self._rows.matrix.dtype})"

    def _repr_html_(self) -> str:
        """The table that a notebook shows: the first words with their counts and first numbers."""
        first = self.head(10)
        counts = [None] * len(first) if first.counts is None else first.counts.tolist()
        columns = ("word", "count", *(f"d{column}" for column in range(min(6, self.dims))))
        numbers = first.matrix[:, :6].astype(float).tolist()
        return html_table(
            repr(self), columns, [(word, n, *row) for word, n, row in zip(first, counts, numbers, strict=True)]
        )

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("WordVectors", name, VECTOR_ATTRIBUTES)

    # ---- look-up

    def word_id(self, word: Word) -> int:
        """The row of a word.

        Raises
        ------
        UnknownWordError
            The word is unknown; the message has similar words.
        """
        return self._rows.word_id(word)

    def word_ids(self, words: Iterable[Word], *, unknown: Literal["error", "skip", "mark"] = "error") -> Rows:
        """The rows of words, int64; unknown ones raise, are left out, or are -1 with ``unknown="mark"``."""
        return self._rows.word_ids(words, unknown)

    def __getitem__(self, words: Word | Sequence[Word] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The vector (D,) of a word, or the vectors (n, D) of a list of words: float32 copies.

        Vectors with n-grams compose the vector of a word that is not in the vocabulary: the mean of its n-grams' rows.
        """
        if isinstance(words, str):
            return cast("npt.NDArray[np.float32]", self._rows.vectors_of([words])[0])
        if isinstance(words, (list, tuple)) or (isinstance(words, np.ndarray) and words.ndim == 1):
            return self._rows.vectors_of(list_words(words))
        if isinstance(words, (slice, np.ndarray, set, dict)):
            raise ParameterError(f"words must be a word or a list of words, got {type(words).__name__}; rows: .matrix")
        return self._rows.copy_rows(self.word_id(cast(Word, words)))

    @overload
    def get(self, word: Word) -> npt.NDArray[np.float32] | None: ...

    @overload
    def get(self, word: Word, default: Any) -> Any: ...

    def get(self, word: Word, default: Any = None) -> Any:
        """The vector of a word, composed of n-grams where it has to be, or ``default`` where there is none."""
        vector = self._rows.find_vector(word)
        return default if vector is None else vector

    def compose(self, words: Sequence[Word]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Vectors (n, D) made of the n-grams of words alone, and which words have one; the others' rows are 0.

        A word of the vocabulary is composed as if it were unknown: without its own row.
        """
        return self._rows.compose(words)

    def subwords(self, word: str) -> list[Subword]:
        """The n-grams of a word and their rows, of any word; a word of the vocabulary comes first itself.

        The vector of the word is the mean of these rows.

        Raises
        ------
        ParameterError
            The vectors have no n-grams.
        """
        return self._rows.list_subwords(word)

    def count(self, word: Word) -> int:
        """The count of a word in the corpus."""
        if self._rows.counts is None:
            raise ParameterError("counts must be known to tell a word's, got vectors without counts")
        return int(self._rows.counts[self.word_id(word)])

    # ---- two or more words

    def similarity(self, first: Word | Vector, second: Word | Vector) -> float:
        """Cosine of two words or vectors, in float64; 0 where one is zero."""
        if isinstance(first, str) and isinstance(second, str) and not self._rows.subwords:  # the usual case, quickly
            x = self._rows.matrix[self.word_id(first)].astype(np.float64)
            y = self._rows.matrix[self.word_id(second)].astype(np.float64)
            self._rows.pages.touched(2)
            xx, yy = float(x @ x), float(y @ y)
            if 1e-60 < xx < 1e60 and 1e-60 < yy < 1e60:
                return max(-1.0, min(1.0, float(x @ y) / (math.sqrt(xx) * math.sqrt(yy))))
        pair = np.stack([unit_of(self._rows, first)[0], unit_of(self._rows, second)[0]])
        return float(np.clip(np.einsum("i,i->", pair[0], pair[1]), -1.0, 1.0))

    def distance(self, first: Word | Vector, second: Word | Vector) -> float:
        """1 - cosine."""
        return 1.0 - self.similarity(first, second)

    def similarities(self, query: Word | Vector, words: Iterable[Word] | None = None) -> Floats:
        """Cosines, float64 (n,), of one word or vector with ``words``, or with all (V,); NaN for rows not finite."""
        unit, _ = unit_of(self._rows, query)
        if words is None:
            validate_vocabulary(len(self), self.subword_rows)
            self._rows.pages.keep()
        if words is not None and self._rows.subwords is not None:
            return np.asarray(unit_rows(self._rows.vectors_of(list_words(words))) @ unit, dtype=np.float64)
        return all_scores(self._rows.matrix, unit, slice(None) if words is None else self.word_ids(words))

    def distances(self, query: Word | Vector, words: Iterable[Word] | None = None) -> Floats:
        """1 - cosines: see `similarities`."""
        return 1.0 - self.similarities(query, words)

    def text_similarity(
        self,
        first: Iterable[Word],
        second: Iterable[Word],
        *,
        normalize_words: bool = True,
        unknown: Unknown | None = None,
    ) -> float:
        """Cosine of the mean vectors of two lists of words; see `mean_vector`."""
        means = [mean_of(self._rows, words, None, normalize_words, unknown) for words in (first, second)]
        return float(np.clip(np.einsum("i,i->", *unit_rows(np.stack(means))), -1.0, 1.0))

    def centrality(self, words: Iterable[Word]) -> list[Neighbor]:
        """The words sorted by falling cosine to the mean of all their unit vectors."""
        return rank_by_centrality(self._rows, words)

    def doesnt_match(self, words: Iterable[Word]) -> Word:
        """The word with the lowest cosine to the mean of all unit vectors of the words."""
        listed = list_words(words)
        if len(listed) < 2:
            raise ParameterError(f"words must hold at least 2 words, got {len(listed)}")
        return self.centrality(listed)[-1].word

    def rank(self, query: Word, other: Word) -> int:
        """1 + the number of words nearer to ``query`` than ``other``, without ``query``."""
        return 1 + int(np.count_nonzero(find_nearer(self._rows, query, other)))

    def closer_than(self, query: Word, other: Word) -> list[Word]:
        """The words nearer to ``query`` than ``other``, in the order of rows, without ``query``."""
        nearer = np.flatnonzero(find_nearer(self._rows, query, other))
        return [self._rows.store.word(word_id) for word_id in nearer.tolist()]

    def nearest_of(self, query: Word | Vector, words: Iterable[Word]) -> Word:
        """The word of ``words`` that is most similar to ``query``; the first one if several are equal."""
        listed = list_words(words)
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
        unknown: Unknown | None = None,
    ) -> npt.NDArray[np.float32]:
        """sum_i weight_i v_i / sum_i |weight_i|, float32 (D,), v_i unit vectors unless ``normalize_words`` is False.

        Unknown words: ``"error"``; ``"skip"``: they are left out, and where none is known the mean is zero;
        ``"compose"``: of their n-grams. None: ``"compose"`` where the vectors have n-grams, else ``"error"``.
        """
        return mean_of(self._rows, words, weights, normalize_words, unknown).astype(np.float32)

    # ---- neighbours

    @names_translated(QUERY_NAMES)
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
            One or several queries. All are answered in one pass over the matrix. A word is not its own neighbour.
        top : int or None
            Number of answers; None: all.
        restrict : int, optional
            Answers are in the first ``restrict`` rows, which are the most frequent words if rows are sorted by count.
        candidates : words, optional
            Answers are among these words.
        threshold : float, optional
            Answers have at least this similarity.

        Returns
        -------
        list of Neighbor, or a list of lists for several queries
            Best first, ties by row. Similarities are float64 cosines of the stored vectors. The words are exactly the
            words with the highest cosines: float32 products are used only to choose candidates.
        """
        return nearest_words(self._rows, queries, Search(top, restrict, candidates, threshold))

    @names_translated(QUERY_NAMES)
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
            All items are one query. The words of a query are not in its answers. A list of lists, or an array (Q, D),
            is several queries, answered in one pass over the matrix; then ``negative`` must have a list for each query.
            For the neighbours of several single words, see `neighbors`.
        top, restrict, candidates, threshold
            See `neighbors`.

        Returns
        -------
        list of Neighbor, or a list of lists for several queries

        References
        ----------
        [1] Levy, Goldberg (2014), Linguistic Regularities in Sparse and Explicit Word Representations.
        """
        wanted = Search(top, restrict, candidates, threshold)
        return most_similar_words(self._rows, positive, negative, method, wanted)

    @names_translated(QUERY_NAMES)
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
        """The words nearest to b - a + c, without these three: ``a`` is to ``b`` as ``c`` is to the answer.

        The expected answer of ``vectors.analogy("man", "king", "woman")`` is "queen".
        """
        answer = self.most_similar(
            [b, c], [a], top=top, restrict=restrict, candidates=candidates, threshold=threshold, method=method
        )
        return cast("list[Neighbor]", answer)

    # ---- other vectors made of these

    def select(self, words: Iterable[Word], *, unknown: Literal["error", "skip"] = "error") -> WordVectors:
        """The vectors of ``words`` only, in the order of ``words``; the rows are copied."""
        validate_choice("unknown", unknown, ("error", "skip"))
        return WordVectors(*take_rows(self._rows, self.word_ids(words, unknown=unknown)))

    def head(self, n_words: int) -> WordVectors:
        """The first ``n_words`` rows, not copied: the most frequent words if rows are sorted by count."""
        as_integer("n_words", n_words, minimum=0)
        return WordVectors(*take_rows(self._rows, slice(0, min(n_words, len(self)))))

    def without(self, words: Iterable[Word]) -> WordVectors:
        """The vectors of all words except ``words``."""
        keep = np.ones(len(self), dtype=bool)
        keep[self.word_ids(words)] = False
        return WordVectors(*take_rows(self._rows, np.flatnonzero(keep)))

    def with_words(
        self,
        words: Word | Sequence[Word],
        rows: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        *,
        replace: bool = False,
    ) -> WordVectors:
        """These vectors with more words. New words are appended; known words are replaced if ``replace``, else refused.

        Parameters
        ----------
        words : word or list of words
        rows : float array, (D,) or (n, D)
        counts : int or int array (n,), optional
            Allowed only if these vectors have counts; 0 if not given (a replaced word keeps its count).
        """
        listed = [cast(Word, words)] if is_word(words) else list_words(cast(Iterable[Word], words))
        return WordVectors(*append_words(self._rows, listed, rows, counts, replace=replace))

    def merge(
        self, other: WordVectors, *, repeated: Literal["error", "first", "second", "mean"] = "error"
    ) -> WordVectors:
        """The words of both, these first. Of a word in both: an error, this vector, the other's, or their mean.

        Counts are added where both have them, and dropped otherwise. The spaces should be the same; `align_spaces`
        rotates one onto the other. Words that neither has are composed of these vectors' n-grams, if there are any.
        """
        return WordVectors(*merge_rows(self._rows, other._rows, repeated))

    def astype(self, dtype: npt.DTypeLike) -> WordVectors:
        """The same vectors stored as float32 or float16 (half the memory; computation is still in float32).

        Raises
        ------
        ParameterError
            Another type, or a number outside the range of float16 (65,504).
        """
        kind = np.dtype(dtype)
        subwords = convert_subwords(self.subword_rows, kind)
        return WordVectors(self.words, convert_matrix(self.matrix, kind), self.counts, subwords)

    # ---- files and frames

    def save(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        overwrite: bool = False,
        storage: str = "float32",
        threads: int | None = None,
    ) -> None:
        """Write the vectors into a file or a folder; the suffix decides the format: see ``firth.write_vectors``."""
        from firth.formats.registry import write_vectors

        write_vectors(path, make_table(self._rows), format, overwrite=overwrite, storage=storage, threads=threads)

    def to_frame(self, library: str | None = None) -> Any:
        """The vectors as a frame with columns ``d0``, ``d1`` and so on.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"} or None
            None: the first of these that is installed. The words are the index of a frame of pandas, and the column
            ``word`` of the others. A library that is not installed is a MissingExtraError.
        """
        return make_frame(self._rows, library)

    # ---- inside

    def all_norms(self) -> Norms:
        """The norms with what follows from them, for the rest of this room."""
        return self._rows.norms()


__all__ = ["PRODUCT_EPSILON", "Neighbor", "Query", "Subword", "Vector", "WordVectors"]
