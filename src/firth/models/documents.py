"""Room models: a model's documents: vectors of new texts, and the tags in the model's folder.

Tests: tests/training/test_documents.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import as_object
from firth.base.owned import OwnedFolder
from firth.base.values import as_integer, validate_choice
from firth.corpus.choosing import NoWordError
from firth.corpus.documents import decode_names, encode_names, find_documents
from firth.corpus.encode import encode_corpus
from firth.corpus.tokenizers import TokenizerLike, TokenizerRecord
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, CorpusTypeError
from firth.kernels.config import MAX_INT32, TrainingConfig
from firth.kernels.inference import InferenceEngine
from firth.vectors.word_vectors import WordVectors

EMPTY = ("error", "zero")
_NAMED = 5  # documents in a message


class Inference:
    """The frozen rows and the vocabulary of a model, kept between calls of ``Model.infer``."""

    def __init__(
        self,
        vectors: WordVectors,
        output_vectors: NDArray[np.float32],
        config: TrainingConfig,
        lowercase: bool,
        tokenizer: TokenizerRecord,
    ) -> None:
        words: Any = vectors.words
        assert vectors.counts is not None
        self._vocabulary = Vocabulary(
            words if isinstance(words, np.ndarray) else tuple(words), np.asarray(vectors.counts)
        )
        word_rows = np.asarray(vectors.matrix, np.float32) if config.architecture == "cbow" else None
        self._engine = InferenceEngine(
            config, self._vocabulary.counts, word_rows, np.asarray(output_vectors, np.float32)
        )
        self._lowercase = lowercase
        self._tokenizer = tokenizer
        self._epochs = config.epochs

    def infer(
        self,
        texts: Any,
        *,
        epochs: int | None,
        seed: int,
        threads: int | None,
        tokenizer: TokenizerLike | None,
        empty: str,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """See ``Model.infer``; with the losses."""
        if isinstance(texts, str | bytes):
            raise CorpusTypeError(
                f"texts must be a list of texts or of token lists, got {type(texts).__name__}; pass [text], or a"
                " pathlib.Path of a file with a text in each line"
            )
        epochs = as_integer("epochs", self._epochs if epochs is None else epochs, minimum=1, maximum=MAX_INT32)
        seed = as_integer("seed", seed, minimum=0, maximum=(1 << 64) - 1)
        threads = None if threads is None else as_integer("threads", threads, minimum=1)
        validate_choice("empty", empty, EMPTY)
        ids, offsets = self._encode(texts, tokenizer, empty)
        vectors, losses = self._engine.infer(ids, offsets, epochs=epochs, seed=seed, threads=threads)
        vectors[np.diff(offsets) == 0] = 0
        return vectors, losses

    def _encode(self, texts: Any, tokenizer: Any, empty: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        found = find_documents(texts, tokenizer, default=self._tokenizer)
        with OwnedFolder.temporary("to infer documents") as folder:
            try:
                encoded = encode_corpus(
                    found.source,
                    folder=folder.path / "texts",
                    tokenizer=found.tokenizer,
                    as_text=found.as_text,
                    lowercase=self._lowercase,
                    vocabulary=self._vocabulary,
                )
                ids, offsets = np.array(encoded.ids), np.array(encoded.offsets)
            except NoWordError as error:
                ids, offsets = np.empty(0, np.int32), np.zeros(error.n_sequences + 1, np.int64)
        without = np.flatnonzero(np.diff(offsets) == 0)
        if len(without) and empty == "error":
            first_words = ", ".join(map(repr, self._vocabulary.first_words(_NAMED)))
            raise NoKnownTextError(without.tolist(), len(offsets) - 1, first_words)
        return ids, offsets


class NoKnownTextError(CorpusError):
    """Texts have no word of the model's vocabulary.

    Attributes
    ----------
    texts : list of int
        Their numbers, from 0.
    first_words : str
        The vocabulary's first words.
    """

    def __init__(self, texts: list[int], n_texts: int, first_words: str) -> None:
        self.texts, self.n_texts, self.first_words = texts, n_texts, first_words
        shown = ", ".join(map(str, texts[:_NAMED])) + (", ..." if len(texts) > _NAMED else "")
        if len(texts) == n_texts:
            problem = "texts must have words of the model's vocabulary, got none in any text"
        else:
            problem = (
                f"each text must have a word of the model's vocabulary, got none in {len(texts):,} of {n_texts:,} texts"
                f" (counted from 0: {shown})"
            )
        super().__init__(
            f'{problem}; leave these texts out, or pass empty="zero" for vectors of zeros; the vocabulary\'s first'
            f" words are {first_words}"
        )

    def __reduce__(self) -> Any:
        return type(self), (self.texts, self.n_texts, self.first_words)


def encode_documents(documents: WordVectors, train_words: bool) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors and the record of a model's documents, for its folder."""
    names: Any = documents.words
    tensors: dict[str, NDArray[Any]] = {"tag_vectors": np.ascontiguousarray(documents.matrix)}
    tensors |= encode_names(names if isinstance(names, np.ndarray) else tuple(names))
    if documents.counts is not None:
        tensors["tag_counts"] = np.ascontiguousarray(documents.counts)
    return tensors, {"documents": {"train_words": train_words}}


def decode_documents(
    config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], n_dims: int
) -> tuple[WordVectors | None, bool]:
    """The vectors of tags in a model's folder, and whether words were trained; None if it has none.

    Raises
    ------
    KeyError, ValueError, ParameterError, ShapeError
        The folder is damaged.
    """
    if "documents" not in config:
        return None, False
    train_words = as_object(config["documents"], "documents")["train_words"]
    if type(train_words) is not bool:
        raise ValueError(f"documents.train_words must be true or false, got {train_words!r}")
    matrix = tensors["tag_vectors"]
    if matrix.ndim != 2 or matrix.shape[1] != n_dims:
        raise ValueError(f"tag_vectors must have rows of {n_dims} numbers, got shape {matrix.shape}")
    return WordVectors(decode_names(tensors), matrix, tensors.get("tag_counts")), train_words


__all__ = ["Inference", "NoKnownTextError", "decode_documents", "encode_documents"]
