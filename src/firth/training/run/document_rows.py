"""Room training: the rows of a run of documents: rows of words, then rows of tags; and the words that are held out.

Tests: tests/training/test_documents.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.documents import Tags
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import FormatError, ParameterError
from firth.kernels.examples import Examples, document_examples
from firth.training.run.composing import vector_words
from firth.vectors.word_vectors import WordVectors

IdsAndOffsets = tuple[NDArray[np.int32], NDArray[np.int64]]
Matrix = NDArray[np.float32]

DOCUMENT_SCALE = 1.0  # rows begin in U(-1/D, 1/D), as in gensim: a row of few words has few steps


@dataclass(frozen=True, eq=False)
class DocumentRows:
    """What a run of documents has beside its corpus.

    Attributes
    ----------
    tags : Tags
    with_words : bool
        Whether the input matrix has rows of words before the rows of tags.
    heldout_share : float or None
        The share of each document's words, its last words, that is not trained on.
    """

    tags: Tags
    with_words: bool
    heldout_share: float | None = None

    def n_input_rows(self, n_words: int) -> int:
        return len(self.tags) + (n_words if self.with_words else 0)

    def divide(self, corpus: EncodedCorpus) -> tuple[IdsAndOffsets, IdsAndOffsets | None]:
        """Ids and offsets of the words to train on, and of those held out; both have every document."""
        if self.heldout_share is None:
            return (corpus.ids, corpus.offsets), None
        return self._divided(corpus)

    def _divided(self, corpus: EncodedCorpus) -> tuple[IdsAndOffsets, IdsAndOffsets]:
        assert self.heldout_share is not None
        offsets = np.asarray(corpus.offsets)
        lengths = np.diff(offsets)
        n_out = np.floor(lengths * self.heldout_share).astype(np.int64)
        is_out = np.arange(len(corpus.ids)) >= np.repeat(offsets[1:] - n_out, lengths)
        borders = [np.concatenate([[0], np.cumsum(counts)]) for counts in (lengths - n_out, n_out)]
        return (corpus.ids[~is_out], borders[0]), (corpus.ids[is_out], borders[1])

    def make_examples(self, ids_and_offsets: IdsAndOffsets, vocabulary: Vocabulary) -> Examples:
        return document_examples(
            *ids_and_offsets,
            vocabulary.counts,
            self.tags.ids,
            self.tags.offsets,
            n_tags=len(self.tags),
            with_words=self.with_words,
        )

    def split(self, input_rows: Matrix, output_rows: Matrix, vocabulary: Vocabulary) -> tuple[WordVectors, WordVectors]:
        """The vectors of words and of tags."""
        n_words = len(vocabulary)
        if self.with_words:
            words, tags = input_rows[:n_words], input_rows[n_words:]
        else:  # no input vectors of words are learned
            has_outputs = len(output_rows) == n_words
            words = output_rows if has_outputs else np.zeros((n_words, input_rows.shape[1]), np.float32)
            tags = input_rows
        return (
            WordVectors(vector_words(vocabulary), words, vocabulary.counts),
            WordVectors(self.tags.names, tags, self.tags.counts),
        )

    def to_json(self) -> dict[str, Any]:
        return {"with_words": self.with_words, "heldout_share": self.heldout_share}

    @classmethod
    def read(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], n_documents: int) -> DocumentRows:
        """The rows of a run that is resumed.

        Raises
        ------
        FormatError
            The arrays of the run do not fit its corpus.
        """
        try:
            tags = Tags.from_arrays(arrays)
            share, with_words = record["heldout_share"], record["with_words"]
            fits = (
                tags.offsets.shape == (n_documents + 1,)
                and tags.offsets[0] == 0
                and tags.offsets[-1] == len(tags.ids)
                and bool(np.all(np.diff(tags.offsets) > 0))
                and (tags.earlier_counts is None or tags.earlier_counts.shape <= (len(tags),))
                and bool(np.all((tags.ids >= 0) & (tags.ids < len(tags))))
                and type(with_words) is bool
                and (share is None or (type(share) is float and 0 < share < 1))
            )
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise FormatError(f"the tags of the run are damaged ({error!r}); start the run again") from None
        if not fits:
            raise FormatError("the tags of the run do not fit its corpus; start the run again")
        return cls(tags, with_words, share)


@dataclass(frozen=True, eq=False)
class StartRows:
    """The rows with which a run of documents starts, in place of random ones.

    Attributes
    ----------
    tag_rows : float32 array, (n_tags, D)
    output_rows : float32 array, (V, D), or (V - 1, D) for hierarchical softmax
    word_rows : float32 array, (V, D), or None
        None: words have no input rows.
    frozen : bool array, (n_input_rows,), or None
        The input rows, those of words first, that training does not change.
    """

    tag_rows: Matrix
    output_rows: Matrix
    word_rows: Matrix | None = None
    frozen: NDArray[np.bool_] | None = None

    def validate(self) -> None:
        """Raise ParameterError unless all rows are finite."""
        for rows in (self.tag_rows, self.output_rows, self.word_rows):
            if rows is not None and not np.isfinite(rows).all():
                raise ParameterError("the vectors at the start must be finite, got NaN or infinity")

    def input_rows(self) -> Matrix:
        return self.tag_rows if self.word_rows is None else np.concatenate([self.word_rows, self.tag_rows])


__all__ = ["DOCUMENT_SCALE", "DocumentRows", "StartRows"]
