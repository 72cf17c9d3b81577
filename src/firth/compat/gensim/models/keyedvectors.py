"""Room compat: gensim.models.keyedvectors: KeyedVectors, a mutable mapping from keys to vectors, using WordVectors.

This module finds the rows of keys by gensim's rules (any string or integer; an integer that is not a key is a row). A
`firth.WordVectors` whose words are the row numbers answers every query.

The file is long because gensim has one class with about 60 short methods; most of them only call `firth.vectors`.
"""

from __future__ import annotations

import codecs
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.values import validate_choice
from firth.compat.gensim.pairs import read_pairs
from firth.compat.gensim.refused import RemovedNameError, stand_in_for
from firth.compat.gensim.significance import Correlation, with_pvalue
from firth.compat.gensim.store import as_path, is_ours, pack_keys, read_file, unpack_keys, write_file
from firth.compat.gensim.vector_files import read_vocabulary, read_word2vec
from firth.errors import FormatError, ParameterError, UnknownWordError
from firth.formats.gensim_native import GensimModel, read_model
from firth.formats.registry import write_vectors
from firth.formats.table import VectorTable
from firth.formats.target import whole_file, write_all
from firth.vectors.evaluation import evaluate_analogies, score_word_pairs
from firth.vectors.neighbors import unit_rows
from firth.vectors.texts import word_movers_distance
from firth.vectors.word_vectors import WordVectors

logger = logging.getLogger(__name__)

REAL = np.float32
KEY_TYPES = (str, int, np.integer)

REMOVED = {
    "vocab": "use key_to_index, index_to_key, get_vecattr(key, attr) and set_vecattr(key, attr, value)",
    "index2word": "use index_to_key",
    "index2entity": "use index_to_key",
    "vectors_norm": "use get_normed_vectors()",
    "syn0": "use vectors",
    "syn0norm": "use get_normed_vectors()",
    "wv": "these are the vectors themselves: leave .wv out",
    "accuracy": "use evaluate_word_analogies(...)",
    "similarity_unseen_docs": "it is a method of Doc2Vec",
}


class WrongVectorsError(FormatError, TypeError):
    """The file has vectors of another class. Also a TypeError, which gensim raises."""


class KeyedVectors:
    """A matrix whose rows have keys, with the interface of gensim 4; docs/gensim.md lists every name.

    Parameters
    ----------
    vector_size : int
        D.
    count : int
        Number of rows to allocate; ``add_vector`` fills them.
    dtype : dtype
    mapfile_path : ignored, as in gensim

    Attributes
    ----------
    vectors : float array, (V, D)
        It can be changed; call ``fill_norms(force=True)`` after a change.
    index_to_key : list
    key_to_index : dict
    expandos : dict of str to array, (V,)
        Attributes of the keys: see ``get_vecattr``.
    norms : float array, (V,), or None
        Lengths of the rows; None until they are needed.
    """

    _KIND = "KeyedVectors"  # in a file

    def __init__(
        self, vector_size: int, count: int = 0, dtype: Any = np.float32, mapfile_path: str | None = None
    ) -> None:
        self.vector_size = vector_size
        self.index_to_key: list[Any] = [None] * count
        self.next_index = 0
        self.key_to_index: dict[Any, int] = {}
        self.vectors: NDArray[Any] = np.zeros((count, vector_size), dtype=dtype)
        self.norms: NDArray[Any] | None = None
        self.expandos: dict[str, NDArray[Any]] = {}
        self.mapfile_path = mapfile_path
        self._space: tuple[NDArray[Any], WordVectors] | None = None

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_space": None}

    def __getattr__(self, name: str) -> Any:
        if name in REMOVED:
            raise RemovedNameError(f"{name} was removed in gensim 4; {REMOVED[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- to and from firth

    def to_firth(self) -> WordVectors:
        """The vectors as ``firth.WordVectors``, not copied. Keys become strings unless all keys are integers."""
        keys: Any = self.index_to_key
        if not all(isinstance(key, (int, np.integer)) for key in keys):
            keys = [str(key) for key in keys]
        counts = self.expandos.get("count")
        return WordVectors(keys, self.vectors, None if counts is None else counts.astype(np.int64))

    @classmethod
    def from_firth(cls, vectors: WordVectors) -> KeyedVectors:
        """Make KeyedVectors from firth's vectors. The matrix is copied, because KeyedVectors can be changed."""
        return cls._from_rows(list(vectors), np.array(vectors.matrix), vectors.counts)

    @classmethod
    def _from_rows(cls, keys: list[Any], matrix: NDArray[Any], counts: NDArray[np.int64] | None) -> KeyedVectors:
        made = cls(matrix.shape[1], 0, dtype=matrix.dtype)
        made.index_to_key = keys
        made.key_to_index = {key: row for row, key in enumerate(keys)}
        made.vectors = matrix
        made.next_index = len(keys)
        if counts is not None:
            made.expandos["count"] = np.array(counts, np.int64)
        return made

    # ---- keys, rows, attributes

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key)

    def has_index_for(self, key: Any) -> bool:
        """Whether the key or the row number exists."""
        return self._find(key) >= 0

    def get_index(self, key: Any, default: Any = None) -> Any:
        """The row of a key. An integer below V that is not a key is a row number."""
        row = self._find(key)
        if row >= 0:
            return row
        if default is not None:
            return default
        raise UnknownWordError(f"Key {key!r} not present")

    def _find(self, key: Any) -> int:
        try:
            row = self.key_to_index.get(key, -1)
        except TypeError:  # not hashable
            return -1
        if row < 0 and isinstance(key, (int, np.integer)) and 0 <= key < len(self.index_to_key):
            return int(key)
        return row

    def _row(self, key: Any) -> int:
        return int(self.get_index(key))

    def allocate_vecattrs(self, attrs: Iterable[str] | None = None, types: Iterable[Any] | None = None) -> None:
        """Make arrays for attributes, or extend all existing ones, to the number of keys."""
        if attrs is None or types is None:
            attrs = list(self.expandos)
            types = [self.expandos[attr].dtype for attr in attrs]
        for attr, kind in zip(attrs, types, strict=True):
            dtype: Any = {int: np.int64, str: object}.get(kind, kind)
            before = self.expandos.get(attr)
            if before is None:
                self.expandos[attr] = np.zeros(len(self), dtype=dtype)
                continue
            if not np.issubdtype(dtype, before.dtype):
                raise TypeError(f"the attribute {attr!r} has the type {before.dtype}, got a value of {dtype}")
            if len(before) != len(self):
                grown = np.zeros(len(self), dtype=before.dtype)
                grown[: len(before)] = before[: len(grown)]
                self.expandos[attr] = grown

    def set_vecattr(self, key: Any, attr: str, val: Any) -> None:
        """Set an attribute of a key; the first value decides its type."""
        self.allocate_vecattrs([attr], [type(val)])
        self.expandos[attr][self._row(key)] = val

    def get_vecattr(self, key: Any, attr: str) -> Any:
        """An attribute of a key, such as ``"count"``."""
        row = self._row(key)
        if attr not in self.expandos:
            raise UnknownWordError(f"the keys have no attribute {attr!r}; they have {sorted(self.expandos) or 'none'}")
        return self.expandos[attr][row]

    def sort_by_descending_frequency(self) -> None:
        """Reorder all rows by descending ``"count"``."""
        if not len(self):
            return
        order = np.argsort(-np.asarray(self.expandos["count"], dtype=np.int64), kind="stable")
        self.index_to_key = [self.index_to_key[row] for row in order.tolist()]
        self.allocate_vecattrs()
        self.expandos = {attr: values[order] for attr, values in self.expandos.items()}
        self._reorder_rows(order)
        self.key_to_index = {key: row for row, key in enumerate(self.index_to_key)}
        self.norms = None

    def _reorder_rows(self, order: NDArray[np.int64]) -> None:
        if len(self.vectors):
            self.vectors = self.vectors[order]

    def _clear_rows(self) -> None:
        """Forget all vectors, before new ones are drawn."""
        self.vectors = np.zeros((0, self.vector_size), self.vectors.dtype)

    def resize_vectors(self, seed: int | None = 0) -> None:
        """Extend the matrix to a row for each key; new rows are drawn from U(-1/D, 1/D), as in ``prep_vectors``."""
        self.vectors = prep_vectors((len(self), self.vector_size), self.vectors, seed=seed)
        self.allocate_vecattrs()
        self.norms = None

    # ---- vectors

    def __getitem__(self, key_or_keys: Any) -> NDArray[Any]:
        if isinstance(key_or_keys, KEY_TYPES):
            return self.get_vector(key_or_keys)
        return self._vectors_of(list(key_or_keys))

    def _vectors_of(self, keys: list[Any]) -> NDArray[Any]:
        """The vectors of keys, (n, D), copied."""
        return take_rows(self.vectors, np.array([self._row(key) for key in keys], np.int64))

    def get_vector(self, key: Any, norm: bool = False) -> NDArray[Any]:
        """The vector (D,) of a key, read-only; scaled to length 1 if ``norm`` (a zero vector is not changed)."""
        vector: NDArray[Any] = self.vectors[self._row(key)]
        if norm:
            vector = unit_rows(vector[None, :])[0].astype(vector.dtype)
        vector.setflags(write=False)
        return vector

    def get_mean_vector(
        self,
        keys: Sequence[Any],
        weights: Any = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> NDArray[Any]:
        """sum_i w_i v_i / sum_i |w_i| over the known keys. Vectors among the keys are used without scaling."""
        if len(keys) == 0:
            raise ParameterError("keys must hold at least one key, got none: cannot compute mean with no input")
        factors = np.ones(len(keys)) if weights is None else np.asarray(weights, dtype=np.float64)
        if factors.shape != (len(keys),):
            raise ParameterError(f"weights must be as many as keys, {len(keys)}, got shape {factors.shape}")
        mean, total = np.zeros(self.vector_size), 0.0
        for key, factor in zip(keys, factors.tolist(), strict=True):
            if isinstance(key, np.ndarray):
                vector = key
            elif key in self:
                vector = self.get_vector(key, norm=pre_normalize)
            elif ignore_missing:
                continue
            else:
                raise UnknownWordError(f"Key {key!r} not present in vocabulary")
            mean += factor * np.asarray(vector, dtype=np.float64)
            total += abs(factor)
        if total > 0:
            mean /= total
        if post_normalize:
            mean = unit_rows(mean[None, :])[0]
        return mean.astype(getattr(self.vectors, "dtype", REAL))

    def get_normed_vectors(self) -> NDArray[Any]:
        """A copy of all vectors, scaled to length 1, (V, D)."""
        return unit_rows(self.vectors).astype(self.vectors.dtype)

    def fill_norms(self, force: bool = False) -> None:
        """Compute ``norms`` if they are None; with ``force``, always."""
        if force:
            self.norms = None
        self._rows_space()

    def unit_normalize_all(self) -> None:
        """Scale every vector to length 1, in place."""
        self.vectors = self.get_normed_vectors()
        self.norms = None

    def add_vector(self, key: Any, vector: Any) -> int:
        """Put a vector into the next free row, or append a row; returns the row."""
        row = self.next_index
        if row < len(self) and self.index_to_key[row] is None:
            self.index_to_key[row] = key
            self.key_to_index[key] = row
            self.vectors[row] = vector
            self.norms = None
        else:
            row = len(self)
            self.add_vectors([key], [vector])
        self.next_index = row + 1
        return row

    def add_vectors(
        self, keys: Any, weights: Any, extras: dict[str, NDArray[Any]] | None = None, replace: bool = False
    ) -> None:
        """Append new keys and their vectors; if ``replace``, replace the vectors of existing keys.

        Parameters
        ----------
        keys : key, or list of keys, n of them
        weights : float array, (D,) or (n, D)
        extras : dict of attribute to array (n,), optional
        replace : bool
        """
        if isinstance(keys, KEY_TYPES):
            keys = [keys]
        keys = list(keys)
        rows = np.asarray(weights).reshape(len(keys), -1) if len(keys) else np.zeros((0, self.vector_size))
        if rows.shape[1] != self.vector_size:
            raise ParameterError(f"weights must have {self.vector_size} numbers a key, got {rows.shape[1]}")
        extras = extras or {}
        self.allocate_vecattrs(list(extras), [extra.dtype for extra in extras.values()])
        new = [place for place, key in enumerate(keys) if key not in self.key_to_index]
        known = [place for place, key in enumerate(keys) if key in self.key_to_index]
        for place in new:
            self.key_to_index[keys[place]] = len(self.index_to_key)
            self.index_to_key.append(keys[place])
        self.vectors = np.concatenate([self.vectors, rows[new].astype(self.vectors.dtype)])
        self.allocate_vecattrs()
        changed = new + known if replace else new
        changed_rows = [self.key_to_index[keys[place]] for place in changed]
        self.vectors[changed_rows] = rows[changed]
        for attr, extra in extras.items():
            self.expandos[attr][changed_rows] = np.asarray(extra)[changed]
        self.norms = None

    def __setitem__(self, keys: Any, weights: Any) -> None:
        self.add_vectors(keys if isinstance(keys, (list, tuple)) else [keys], weights, replace=True)

    def vectors_for_all(
        self, keys: Iterable[Any], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> KeyedVectors:
        """A new object with the vectors of the known ``keys``."""
        known = [key for key in dict.fromkeys(keys) if key in (self if allow_inference else self.key_to_index)]
        matrix = self._vectors_of(known).reshape(len(known), self.vector_size)
        chosen = KeyedVectors._from_rows(known, matrix, None)
        if copy_vecattrs:
            rows = np.array([self._find(key) for key in known], np.int64)
            for attr, values in self.expandos.items():
                copied = np.zeros(len(rows), values.dtype)  # also for keys without a row
                copied[rows >= 0] = values[rows[rows >= 0]]
                chosen.expandos[attr] = copied
        else:
            chosen.expandos["count"] = np.arange(len(known), 0, -1)  # as in gensim, descending numbers
        return chosen

    # ---- neighbours

    def _rows_space(self) -> WordVectors:
        """firth's vectors with the row numbers as words; made again after ``vectors`` or ``norms`` were replaced."""
        matrix = self.vectors
        if self._space is None or self._space[0] is not matrix or self.norms is None:
            space = WordVectors(np.arange(len(matrix)), take_rows(matrix))
            self._space = (matrix, space)
            self.norms = space.norms
        return self._space[1]

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """The keys nearest to the mean of ``positive`` minus ``negative``.

        Parameters
        ----------
        positive, negative : key, vector (D,), pair (key or vector, weight), or list of these
        topn : int or None
            None: the similarities of all rows, as an array.
        clip_start, clip_end : int
            First row, and one after the last row, that are searched.
        restrict_vocab : int, optional
            Number of rows that are searched, the first ones.
        indexer : object with ``most_similar(vector, topn)``, optional

        Returns
        -------
        list of (key, float), or float64 array
        """
        if topn is not None and topn < 1:
            return []
        asked, weights = _with_weights(_as_list(positive), _as_list(negative))
        query = self.get_mean_vector(asked, weights, post_normalize=True, ignore_missing=False)
        if indexer is not None and topn is not None:
            return indexer.most_similar(query, topn)
        start, stop = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end)
        if not topn:
            return self._rows_space().similarities(query)[start:stop]
        return self._nearest(query, int(topn), self._rows_asked(asked), start, stop)

    def _rows_asked(self, keys: list[Any]) -> set[int]:
        """The rows of the keys that have one; they are no answers."""
        return {row for key in keys if isinstance(key, KEY_TYPES) and (row := self._find(key)) >= 0}

    def _nearest(
        self, query: NDArray[Any], topn: int, own: set[int], start: int, stop: int | None, **options: Any
    ) -> list[tuple[Any, float]]:
        limits: dict[str, Any] = {} if stop is None else {"restrict": stop}
        if start:
            limits = {"candidates": range(*slice(start, stop).indices(len(self)))}
        space = self._rows_space()
        found = space.most_similar([query], top=topn + len(own), **limits, **options)
        return [(self.index_to_key[row], score) for row, score in found if row not in own][:topn]

    def similar_by_word(self, word: Any, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """The same as ``most_similar([word], ...)``."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_key(self, key: Any, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """The same as ``most_similar([key], ...)``."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(self, vector: Any, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """The same as ``most_similar([vector], ...)``."""
        return self.most_similar([np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """The keys nearest by Levy and Goldberg's 3CosMul; parameters as in ``most_similar``, without weights."""
        if topn is not None and topn < 1:
            return []
        parts = [_as_list(positive), _as_list(negative)]
        if not parts[0]:
            raise ParameterError(
                "positive must hold at least one key, got none: cannot compute similarity with no input"
            )
        own = self._rows_asked([*parts[0], *parts[1]])
        plus, minus = (
            [item if isinstance(item, np.ndarray) else self.get_vector(item, norm=True) for item in part]
            for part in parts
        )
        space = self._rows_space()
        if not topn:
            scores = np.zeros(len(self))
            for row, score in space.most_similar(plus, minus or None, top=None, method="multiply"):
                scores[row] = score
            return scores[:restrict_vocab]
        top = int(topn) + len(own)
        found = space.most_similar(plus, minus or None, top=top, restrict=restrict_vocab, method="multiply")
        return [(self.index_to_key[row], score) for row, score in found if row not in own][: int(topn)]

    def most_similar_to_given(self, key1: Any, keys_list: Sequence[Any]) -> Any:
        """The key in ``keys_list`` that is most similar to ``key1``."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def closer_than(self, key1: Any, key2: Any) -> list[Any]:
        """The keys nearer to ``key1`` than ``key2`` is."""
        rows = self._rows_space().closer_than(self._row(key1), self._row(key2))
        return [self.index_to_key[int(row)] for row in rows]

    def rank(self, key1: Any, key2: Any) -> int:
        """1 + the number of keys nearer to ``key1`` than ``key2`` is."""
        return self._rows_space().rank(self._row(key1), self._row(key2))

    def similarity(self, w1: Any, w2: Any) -> float:
        """Cosine of two keys."""
        first, second = self._vectors_of([w1, w2])
        cosine = self._cosine(first, second)
        return 1.0 if cosine and np.array_equal(first, second) else cosine

    def distance(self, w1: Any, w2: Any) -> float:
        """1 - cosine of two keys."""
        return 1.0 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Any, other_words: Iterable[Any] = ()) -> NDArray[np.float64]:
        """1 - cosines of a key or vector with other keys, or with all."""
        vector = self[word_or_vector] if isinstance(word_or_vector, KEY_TYPES) else np.asarray(word_or_vector)
        rows = [self._row(key) for key in other_words]
        return self._rows_space().distances(vector, rows or None)

    @staticmethod
    def cosine_similarities(vector_1: Any, vectors_all: Any) -> NDArray[np.float64]:
        """Cosines of one vector (D,) with others (n, D)."""
        cosines: NDArray[np.float64] = unit_rows(np.asarray(vectors_all)) @ unit_rows(np.asarray(vector_1)[None, :])[0]
        return cosines

    def n_similarity(self, ws1: Sequence[Any], ws2: Sequence[Any]) -> float:
        """Cosine of the mean vectors of two lists of keys."""
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("both lists must hold a key, got an empty one")
        means = [self.get_mean_vector(keys, pre_normalize=False) for keys in (ws1, ws2)]
        return self._cosine(*means)

    def _cosine(self, first: NDArray[Any], second: NDArray[Any]) -> float:
        pair = unit_rows(np.stack([first, second]))
        return float(np.clip(np.einsum("i,i->", *pair), -1.0, 1.0))

    def relative_cosine_similarity(self, wa: Any, wb: Any, topn: int = 10) -> float:
        """The cosine of ``wa`` and ``wb``, divided by the sum of the ``topn`` highest cosines of ``wa``."""
        neighbors = self.similar_by_word(wa, topn)
        if not neighbors:
            raise ParameterError(f"topn must leave a similar word to compare with, got {topn}")
        return self.similarity(wa, wb) / math.fsum(similarity for _, similarity in neighbors)

    def rank_by_centrality(self, words: Sequence[Any], use_norm: bool = True) -> list[tuple[float, Any]]:
        """Pairs (cosine with the mean of all, word), in descending order; unknown words are left out."""
        known = [word for word in words if word in self]
        if not known:
            raise ParameterError(f"words must hold a known word, got none of {list(words)[:5]}: cannot select a word")
        if len(known) != len(words):
            logger.warning("vectors for words %s are not present, ignoring these words", set(words) - set(known))
        rows = self[known].astype(np.float64)
        rows = unit_rows(rows) if use_norm else rows
        scores = rows @ unit_rows(rows.mean(axis=0)[None, :])[0]
        return sorted(zip(scores.tolist(), known, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Any]) -> Any:
        """The word with the lowest cosine with the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    def wmdistance(self, document1: Iterable[Any], document2: Iterable[Any], norm: bool = True) -> float:
        """Word mover's distance of two lists of keys; infinity if a list has no known key. Needs POT."""
        texts = [[word for word in document if word in self] for document in (document1, document2)]
        number_of = {word: number for number, word in enumerate(dict.fromkeys([*texts[0], *texts[1]]))}
        space = WordVectors(np.arange(len(number_of)), self._vectors_of(list(number_of)))
        numbered = [[number_of[word] for word in text] for text in texts]
        return word_movers_distance(space, *numbered, normalize_words=norm)

    # ---- evaluation

    def evaluate_word_analogies(
        self,
        analogies: str | os.PathLike[str],
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[dict[str, Any]]]:
        """Accuracy on a file of analogies, and the result of each section; the last section is the total.

        ``similarity_function="most_similar_cosmul"`` is used; gensim accepts and ignores it.
        """
        methods: dict[str, Any] = {"most_similar": "add", "most_similar_cosmul": "multiply"}
        validate_choice("similarity_function", similarity_function, methods)
        score = evaluate_analogies(
            self.to_firth(),
            analogies,
            restrict_vocabulary=restrict_vocab,
            fold_case=case_insensitive,
            unknown="incorrect" if dummy4unknown else "skip",
            method=methods[similarity_function],
            bad_lines="skip",
        )
        if score.lines.bad:
            logger.warning("%s: left out, as gensim does: %s", analogies, score.lines.describe_bad())
        named = [*((section.name, section) for section in score.sections), ("Total accuracy", score.total)]
        sections = [
            {"section": name, "correct": list(part.correct), "incorrect": list(part.incorrect)} for name, part in named
        ]
        return score.accuracy, sections

    def evaluate_word_pairs(
        self,
        pairs: str | os.PathLike[str],
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Correlation, Correlation, float]:
        """Pearson's and Spearman's correlations with human scores, with p-values, and the share of unknown pairs in %.

        Lines are read by gensim's rules: three columns separated by the delimiter, with a score that ``float`` accepts.
        Other lines are logged and left out. ``firth.evaluate_word_pairs`` guesses the layout and refuses such lines.
        """
        if codecs.lookup(encoding).name not in ("utf-8", "ascii"):
            raise ParameterError(f"encoding must be utf8, got {encoding!r}; convert the file")
        file = read_pairs(pairs, delimiter)
        if file.lines.n_bad:
            logger.warning("%s: left out, as gensim does: %s", pairs, file.lines.describe_bad())
        score = score_word_pairs(
            self.to_firth(),
            file,
            restrict_vocabulary=restrict_vocab,
            fold_case=case_insensitive,
            unknown="zero" if dummy4unknown else "skip",
        )
        if not score.n_pairs:
            raise ParameterError(f"pairs must hold a pair of known words, got none in {pairs}")
        return (
            with_pvalue(score.pearson, score.n_pairs),
            with_pvalue(score.spearman, score.n_pairs),
            100 * score.unknown_share,
        )

    @staticmethod
    def log_accuracy(section: dict[str, Any]) -> None:
        """Log one section of ``evaluate_word_analogies``."""
        correct, incorrect = len(section["correct"]), len(section["incorrect"])
        if correct + incorrect:
            share = 100.0 * correct / (correct + incorrect)
            logger.info("%s: %.1f%% (%i/%i)", section["section"], share, correct, correct + incorrect)

    @staticmethod
    def log_evaluate_word_pairs(pearson: Any, spearman: Any, oov: float, pairs: Any) -> None:
        """Log what ``evaluate_word_pairs`` returned."""
        logger.info("Pearson correlation against %s: %.4f", pairs, pearson[0])
        logger.info("Spearman correlation against %s: %.4f", pairs, spearman[0])
        logger.info("pairs with unknown words: %.1f%%", oov)

    # ---- files

    def save(self, fname: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write one safetensors file, which has no code. gensim's options for pickles are accepted and ignored."""
        state, tensors = self._to_stored()
        write_file(fname, self._KIND, state, tensors)

    @classmethod
    def load(cls, fname: str | os.PathLike[str], mmap: str | None = None) -> KeyedVectors:
        """Read a file of ``save``, or of gensim's ``save`` (1.0 to 4). From a model's file, only the vectors are read.

        The file of a FastText model gives FastTextKeyedVectors. ``mmap="r"`` maps the vectors of firth's file,
        read-only.

        Raises
        ------
        WrongVectorsError
            FastTextKeyedVectors are asked for, and the file has none.
        FormatError, StorageError
        """
        if not is_ours(fname):
            saved = read_model(as_path(fname))
            return cls._class_for(
                "KeyedVectors" if saved.ngrams is None else "FastTextKeyedVectors", fname
            )._from_saved(saved)
        state, tensors = read_file(fname)
        return cls._class_for(state.get("kind"), fname)._from_stored(state, tensors, fname, mmap)

    @classmethod
    def _class_for(cls, kind: Any, fname: Any) -> type[KeyedVectors]:
        """The class of the vectors in a file: this class where it fits, or the one that the file needs."""
        needed = VECTOR_CLASSES.get(kind) if isinstance(kind, str) else None
        if needed is None:
            raise FormatError(f"{fname}: the file must hold one of {sorted(VECTOR_CLASSES)}, got {kind!r:.60}")
        if cls._KIND == needed._KIND:
            return cls
        if issubclass(needed, cls):
            return needed
        raise WrongVectorsError(f"{fname}: holds {kind}, not {cls.__name__}; {needed.__name__}.load(fname) reads it")

    @classmethod
    def _from_saved(cls, saved: GensimModel) -> KeyedVectors:
        table = saved.table
        return cls._from_rows(list(table.words), np.array(table.matrix), table.counts)

    def _to_stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        state, tensors = pack_keys(self.index_to_key)
        attributes = {name: array for name, array in self.expandos.items() if array.dtype.kind in "iufb"}
        tensors |= {f"vecattr.{name}": array for name, array in attributes.items()}
        return {**state, "vector_size": int(self.vector_size)}, {**tensors, "vectors": self.vectors}

    @classmethod
    def _from_stored(
        cls, state: dict[str, Any], tensors: dict[str, NDArray[Any]], fname: Any, mmap: str | None
    ) -> KeyedVectors:
        if mmap not in (None, "r"):
            raise ParameterError(f"mmap must be None or 'r', got {mmap!r}")
        keys = unpack_keys(state, tensors, fname)
        vectors = tensors.get("vectors")
        if vectors is None or vectors.shape != (len(keys), state.get("vector_size")):
            raise FormatError(f"{fname}: there must be a vector for each of {len(keys)} keys")
        made = cls._from_rows(keys, vectors if mmap else np.array(vectors), None)
        for name, array in tensors.items():
            if name.startswith("vecattr."):
                made.expandos[name.removeprefix("vecattr.")] = np.array(array)
        return made

    def save_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write word2vec's file, in descending order of frequency; see ``firth.write_vectors``.

        ``append`` and ``total_vec`` are refused: ``Doc2Vec.save_word2vec_format`` writes two sets of vectors.
        """
        if append or total_vec not in (None, len(self)):
            raise ParameterError(
                "append and total_vec must be left out: Doc2Vec.save_word2vec_format writes words and tags to one file"
            )
        if binary and not write_header:
            raise ParameterError("write_header must be True where binary is: the format has no other way to tell D")
        order = np.arange(len(self))
        if sort_attr in self.expandos:
            order = np.argsort(-self.expandos[sort_attr], kind="stable")
        elif fvocab is not None:
            raise ParameterError(f"sort_attr must be an attribute of the keys where fvocab is given, got {sort_attr!r}")
        words = [f"{prefix}{self.index_to_key[row]}" for row in order.tolist()]
        if fvocab is not None:
            write_counts(fvocab, words, self.expandos[sort_attr][order])
        table = VectorTable(words, self.vectors[order].astype(np.float32))
        text_format = "word2vec" if write_header else "glove"
        write_vectors(as_path(fname), table, "word2vec-binary" if binary else text_format, overwrite=True)

    @classmethod
    def load_word2vec_format(
        cls,
        fname: str | os.PathLike[str],
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: Any = REAL,
        no_header: bool = False,
    ) -> KeyedVectors:
        """Read word2vec's file; for a word that occurs twice, the first row is used. See ``firth.read_vectors``.

        Without ``fvocab`` the counts are V, V - 1, ..., 1, as in gensim.

        Raises
        ------
        TruncatedFileError (an EOFError), UndecodableWordError (a UnicodeDecodeError), FormatError, StorageError
        """
        if binary and no_header:
            raise NotImplementedError("no_header must be False where binary is True: the header tells D")
        table = read_word2vec(fname, binary, no_header, encoding, unicode_errors, limit)
        loaded = cls._from_rows(list(table.words), table.matrix.astype(datatype), None)
        counts = np.arange(len(table), 0, -1)
        if fvocab is not None:
            given = read_vocabulary(fvocab, unicode_errors)
            missing = [word for word in table.words if word not in given]
            if missing:
                raise FormatError(f"{fvocab}: the vocabulary is incomplete: {missing[0]!r} is missing")
            counts = np.array([given[word] for word in table.words], np.int64)
        loaded.expandos["count"] = counts
        return loaded

    def intersect_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Copy vectors from a file for keys that exist in both; ``lockf=0.0`` freezes these rows, 1.0 trains them."""
        table = read_word2vec(fname, binary, False, encoding, unicode_errors, None)
        if table.matrix.shape[1] != self.vector_size:
            raise ParameterError(f"fname must hold vectors of {self.vector_size} numbers, got {table.matrix.shape[1]}")
        shared = [(self.key_to_index[word], row) for row, word in enumerate(table.words) if word in self.key_to_index]
        ours, theirs = [list(rows) for rows in zip(*shared, strict=True)] if shared else ([], [])
        self.vectors[ours] = table.matrix[theirs]
        factors = np.ones(len(self), np.float32)
        factors[:] = getattr(self, "vectors_lockf", 1.0)
        factors[ours] = lockf
        self.vectors_lockf = factors
        self.norms = None
        logger.info("merged %d vectors into %s from %s", len(ours), self.vectors.shape, fname)

    # ---- what gensim 4 deprecates

    def word_vec(self, *args: Any, **kwargs: Any) -> NDArray[Any]:
        """Deprecated: ``get_vector``."""
        _deprecate("word_vec", "get_vector")
        return self.get_vector(*args, **kwargs)

    def words_closer_than(self, word1: Any, word2: Any) -> list[Any]:
        """Deprecated: ``closer_than``."""
        _deprecate("words_closer_than", "closer_than")
        return self.closer_than(word1, word2)

    def init_sims(self, replace: bool = False) -> None:
        """Deprecated: norms are computed when needed; ``unit_normalize_all`` replaces the vectors."""
        _deprecate("init_sims", "fill_norms, or unit_normalize_all in place of replace=True")
        self.fill_norms()
        if replace:
            self.unit_normalize_all()


Word2VecKeyedVectors = EuclideanKeyedVectors = KeyedVectors

# The class of the vectors in a file of each kind; `firth.compat.gensim.models.fasttext_vectors` adds its own.
VECTOR_CLASSES: dict[str, type[KeyedVectors]] = {"KeyedVectors": KeyedVectors, "Word2Vec": KeyedVectors}


def load_word2vec_format(*args: Any, **kwargs: Any) -> KeyedVectors:
    """The same as ``KeyedVectors.load_word2vec_format``."""
    return KeyedVectors.load_word2vec_format(*args, **kwargs)


def _load_word2vec_format(
    cls: type[KeyedVectors], fname: Any, *args: Any, binary_chunk_size: int = 0, **kwargs: Any
) -> KeyedVectors:
    """``cls.load_word2vec_format`` under gensim's private name. ``binary_chunk_size`` is not used."""
    return cls.load_word2vec_format(fname, *args, **kwargs)


def pseudorandom_weak_vector(
    size: int, seed_string: str | None = None, hashfxn: Callable[[str], int] = hash
) -> NDArray[np.float32]:
    """A vector (size,) from U(-0.5/size, 0.5/size); the same string gives the same vector."""
    seed = None if not seed_string else hashfxn(seed_string) & 0xFFFFFFFF
    generator = np.random.default_rng() if seed is None else np.random.Generator(np.random.SFC64(seed))
    return ((generator.random(size).astype(REAL) - 0.5) / size).astype(REAL)


def prep_vectors(
    target_shape: tuple[int, int], prior_vectors: NDArray[Any] | None = None, seed: int | None = 0, dtype: Any = REAL
) -> NDArray[Any]:
    """Initial vectors from U(-1/D, 1/D), equal to gensim 4's to the bit; the first rows are ``prior_vectors``."""
    if prior_vectors is not None and prior_vectors.shape == target_shape:
        return prior_vectors
    n_dims = target_shape[1]
    vectors = np.random.default_rng(seed=seed).random(target_shape, dtype=dtype)
    vectors *= 2.0
    vectors -= 1.0
    vectors /= n_dims
    if prior_vectors is not None:
        vectors[: prior_vectors.shape[0], : prior_vectors.shape[1]] = prior_vectors
    return vectors


def write_counts(path: Any, words: Sequence[str], counts: NDArray[Any]) -> None:
    """Write the vocabulary file of word2vec: a word and its count in each line."""
    lines = "".join(f"{word} {count}\n" for word, count in zip(words, counts.tolist(), strict=True))
    with whole_file(as_path(path), overwrite=True, compress=False) as file:
        write_all(file, lines.encode("utf-8"))


def take_rows(matrix: Any, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """Some rows of a matrix, or all. The matrix may be an object that has one row at a time, and is no array.

    Programs that compress vectors set such objects in place of ``vectors``.
    """
    if isinstance(matrix, np.ndarray):
        return matrix if rows is None else np.asarray(matrix[rows])
    numbers = range(len(matrix)) if rows is None else rows.tolist()
    return np.stack([matrix[row] for row in numbers]) if numbers else np.zeros((0, matrix.shape[1]), REAL)


def _as_list(items: Any) -> list[Any]:
    if items is None:
        return []
    if isinstance(items, KEY_TYPES) or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return list(items)


def _with_weights(positive: list[Any], negative: list[Any]) -> tuple[list[Any], list[float]]:
    items, weights = [], []
    for sign, part in ((1.0, positive), (-1.0, negative)):
        for item in part:
            plain = isinstance(item, (*KEY_TYPES, np.ndarray))
            items.append(item if plain else item[0])
            weights.append(sign if plain else float(item[1]))  # gensim's rule: a given weight has its own sign
    return items, weights


def _deprecate(name: str, instead: str) -> None:
    warnings.warn(f"{name} is deprecated since gensim 4; use {instead}", DeprecationWarning, stacklevel=3)


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = ["KeyedVectors", "load_word2vec_format", "prep_vectors", "pseudorandom_weak_vector"]
