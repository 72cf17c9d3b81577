"""Room models: the model that a run returns: its vectors and its record, saved to and loaded from a folder.

Tests: tests/training/test_train.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.base.html import html_table
from firth.base.json_file import as_object, as_text
from firth.base.other_names import MODEL_ATTRIBUTES, TRAINING_NAMES, missing_attribute, names_translated
from firth.base.words import pack_words
from firth.corpus.phrases import Phrases
from firth.corpus.tokenizers import TokenizerLike, TokenizerRecord
from firth.errors import FormatError, ParameterError, ShapeError, StorageError
from firth.formats.model_folder import read_model_folder, write_model_folder
from firth.formats.subword_tensors import decode_subwords, encode_subwords
from firth.kernels.config import TrainingConfig
from firth.models.contexts import decode_contexts, encode_contexts
from firth.models.documents import Inference, decode_documents, encode_documents
from firth.models.history import History
from firth.models.records import read_record
from firth.models.run_files import PHRASES_NAME, RUN_NAME, WORK_NAME, resume_command
from firth.models.tokenizers import decode_tokenizer, encode_tokenizer, tokenize_like
from firth.vectors.queries import Neighbor
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import PackedWords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Unpack

    from firth.kernels.parameters import TrainingParameters
    from firth.training.loop.periods import Period
    from firth.training.run.options import HeldoutSource

CONFIG_KEYS = ("firth_version", "training", "history", "corpus", "instruction_set")


@dataclass(frozen=True)
class CorpusRecord:
    """The record of a model's corpus.

    Attributes
    ----------
    sha256 : str
        Identifies the encoded corpus.
    n_tokens : int
        Tokens trained on in each epoch, after minimum count and maximum vocabulary.
    n_tokens_read : int
        Tokens before minimum count and maximum vocabulary, without held-out tokens.
    n_sequences : int
    lowercase : bool
    """

    sha256: str = ""
    n_tokens: int = 0
    n_tokens_read: int = 0
    n_sequences: int = 0
    lowercase: bool = False


@dataclass(frozen=True, eq=False)
class Model:
    """Trained vectors and their record. Made by ``firth.train``, ``firth.load`` and ``firth.resume``.

    Attributes
    ----------
    vectors : WordVectors
        The input vectors, float32 (V, D), with their words and counts. Neighbours and analogies use them.
    output_vectors : float32 array, (V, D)
        The vectors of the output words; (V - 1, D), inner nodes of the Huffman tree, for
        ``loss="hierarchical-softmax"``.
    config : TrainingConfig
        The resolved configuration: it has no ``None`` that means "decide for me".
    history : History
    corpus : CorpusRecord
    instruction_set : str
        The instruction set of the native core that trained the model. Other instruction sets round differently in the
        last bits.
    firth_version : str
    documents : WordVectors or None
        The vectors of the tags of documents, of ``firth.train_documents``; the counts are the documents that have each
        tag. None: a model of words.
    train_words : bool
        Whether a model of documents has learned the word vectors ``vectors`` too.
    phrases : firth.Phrases or None
        The phrases that were joined in the corpus; ``train_more`` joins them in the new text.
    tokenizer : TokenizerRecord
        How the texts of the corpus became tokens. ``infer``, ``train_more`` and ``tokenize`` split new texts alike.
    contexts : WordVectors or None
        The vectors of the contexts of pairs, of ``firth.train(firth.Pairs(...))``: the rows of ``output_vectors`` with
        their contexts; the counts are the pairs that have each context. None: a model of text.
    """

    vectors: WordVectors
    output_vectors: NDArray[np.float32]
    config: TrainingConfig
    history: History = field(default_factory=History)
    corpus: CorpusRecord = field(default_factory=CorpusRecord)
    instruction_set: str = ""
    firth_version: str = __version__
    documents: WordVectors | None = None
    train_words: bool = False
    phrases: Phrases | None = None
    tokenizer: TokenizerRecord = field(default_factory=TokenizerRecord)
    contexts: WordVectors | None = None

    def __repr__(self) -> str:
        n_words, n_dims = self.vectors.matrix.shape
        tags = "" if self.documents is None else f"{len(self.documents):,} tags of documents, "
        contexts = "" if self.contexts is None else f"{len(self.contexts):,} contexts, "
        return (
            f"Model({tags}{n_words:,} words, {contexts}{n_dims} dims, {self.config.architecture}, {self.config.loss})"
        )

    def _repr_html_(self) -> str:
        """The table that a notebook shows: sizes, objective, last loss, and the most frequent words."""
        words = ", ".join(str(word) for word in self.vectors.head(10))
        rows = [
            ("words", len(self.vectors)),
            ("dims", self.vectors.dims),
            ("objective", f"{self.config.architecture}, {self.config.loss}"),
            ("tokens", self.corpus.n_tokens),
            ("epochs", len(self.history.epochs)),
            ("loss, nats", self.history.loss_nats[-1] if self.history.epochs else None),
            ("first words", words),
        ]
        if self.contexts is not None:
            rows.insert(1, ("contexts", len(self.contexts)))
        return html_table(repr(self), ("", ""), rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_inference"}

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("Model", name, MODEL_ATTRIBUTES)

    def save(self, folder: str | os.PathLike[str], overwrite: bool = False, *, storage: str = "float32") -> None:
        """Write the model into a folder. An old model in it stays complete until the new model is on the disk.

        Parameters
        ----------
        folder : path
            Created if it is missing.
        overwrite : bool
            Whether to replace a model in the folder.
        storage : {"float32", "float16"}
            ``"float16"`` halves the size; docs/formats.md has the loss of precision.

        Raises
        ------
        StorageError
            The folder is not empty, cannot be written, or the disk is full.
        """
        tensors: dict[str, NDArray[Any]] = {
            "input_vectors": np.ascontiguousarray(self.vectors.matrix),
            "output_vectors": np.ascontiguousarray(self.output_vectors),
        }
        if self.vectors.counts is not None:
            tensors["counts"] = np.ascontiguousarray(self.vectors.counts)
        words: Any = self.vectors.words
        if isinstance(words, np.ndarray):
            tensors["word_ids"] = np.ascontiguousarray(words, dtype=np.int64)
        elif isinstance(words, PackedWords):
            tensors["words"], tensors["word_offsets"] = words.word_bytes, words.offsets
        else:
            tensors["words"], tensors["word_offsets"] = pack_words(words)
        if self.phrases is not None:
            tensors[PHRASES_NAME] = np.frombuffer(self.phrases.to_bytes(), np.uint8)
        subword_tensors, subword_config = encode_subwords(self.vectors.subword_rows)
        config = self._to_json() | subword_config
        if self.documents is not None:
            document_tensors, document_config = encode_documents(self.documents, self.train_words)
            tensors, config = tensors | document_tensors, config | document_config
        tokenizer_tensors, tokenizer_config = encode_tokenizer(self.tokenizer)
        tensors, config = tensors | tokenizer_tensors, config | tokenizer_config
        if self.contexts is not None:
            context_tensors, context_config = encode_contexts(self.contexts, self.vectors)
            tensors, config = tensors | context_tensors, config | context_config
        write_model_folder(folder, tensors | subword_tensors, config, overwrite=overwrite, storage=storage)

    def _to_json(self) -> dict[str, Any]:
        return {
            "firth_version": self.firth_version,
            "instruction_set": self.instruction_set,
            "seed": self.config.seed,
            "threads": self.config.threads,
            "training": self.config.to_json(),
            "history": self.history.to_json(),
            "corpus": vars(self.corpus),
        }

    def infer(
        self,
        texts: Any,
        *,
        epochs: int | None = None,
        seed: int = 1,
        threads: int | None = None,
        tokenizer: TokenizerLike | None = None,
        empty: str = "error",
        return_loss: bool = False,
    ) -> Any:
        """Compute the vectors of new texts: a new row for each is trained, and every other row is frozen.

        All random draws are functions of ``seed`` and of the text's words. So a text has the same vector to the bit
        whatever other texts are in the call and whatever ``threads`` is. The learning rate falls as in training.

        Parameters
        ----------
        texts : list of texts, of token lists or of ``pathlib.Path``; ``pathlib.Path``; column of texts or lists
            As in ``firth.train_documents``; a single text is ``[text]``. Words that are not in the vocabulary are left
            out.
        epochs : int or None
            Passes over each text. None: as many as the model was trained.
        seed : int in [0, 2^64)
        threads : int or None
            None: all processors that this process may use.
        tokenizer : as in ``firth.train``, or None
            None: texts are split as the training texts of the model were. A function is not stored, so it must be
            given again.
        empty : {"error", "zero"}
            What becomes of a text without a word of the vocabulary: an error, or a vector of zeros.
        return_loss : bool

        Returns
        -------
        vectors : float32 array, (n, D)
        losses : float64 array, (n,), if ``return_loss``
            The mean loss in nats of each text's last epoch. NaN if subsampling left out every word of the text.

        Raises
        ------
        CorpusError
            A text has no word of the vocabulary.
        CorpusTypeError, ParameterError
            ``texts`` is a string, or the model has no documents.

        Examples
        --------
        >>> model = firth.train_documents(["a cat sat", "a dog ran"] * 20, min_count=1, dims=4, progress=False)
        ... # doctest: +SKIP
        >>> model.infer(["a cat ran"]).shape  # doctest: +SKIP
        (1, 4)
        """
        vectors, losses = self._inference.infer(
            texts, epochs=epochs, seed=seed, threads=threads, tokenizer=tokenizer, empty=empty
        )
        return (vectors, losses) if return_loss else vectors

    @cached_property
    def _inference(self) -> Inference:
        if self.documents is None:
            raise ParameterError(
                "infer must be called on a model of documents, got a model of words; train one by"
                " firth.train_documents, or use vectors.text_vectors"
            )
        return Inference(self.vectors, self.output_vectors, self.config, self.corpus.lowercase, self.tokenizer)

    def tokenize(self, texts: Any, *, tokenizer: TokenizerLike | None = None) -> list[list[str]]:
        """The tokens of new texts, made as those of the model's corpus: tokenizer, lower case, phrases.

        Functions of word vectors take the tokens: ``text_vectors(model.vectors, model.tokenize(texts))``.

        Parameters
        ----------
        texts : list or another iterable of texts, or a column of texts
        tokenizer : as for ``infer``
            A ``normalizer`` of training is a function that is not stored, and is not applied.

        Raises
        ------
        ParameterError
            The model's texts were split by a function, and ``tokenizer`` is None.
        CorpusTypeError, MissingExtraError

        Examples
        --------
        >>> model = firth.train(["A cat sat", "a dog ran"] * 20, tokenizer="whitespace", lowercase=True, min_count=1)
        ... # doctest: +SKIP
        >>> model.tokenize(["The Cat ran"])  # doctest: +SKIP
        [['the', 'cat', 'ran']]
        """
        return tokenize_like(texts, tokenizer, self.tokenizer, self.corpus.lowercase, self.phrases)

    def neighbors(
        self,
        text: str | Sequence[str],
        *,
        top: int | None = 10,
        epochs: int | None = None,
        seed: int = 1,
        tokenizer: TokenizerLike | None = None,
    ) -> list[Neighbor]:
        """The tags whose vectors are nearest to the inferred vector of a text, best first.

        Parameters
        ----------
        text : str or list of tokens
        top : int or None
            Number of answers; None: all.
        epochs, seed, tokenizer
            As for ``infer``.

        Raises
        ------
        CorpusError, CorpusTypeError, ParameterError
            As for ``infer``.
        """
        (vector,) = self.infer([text], epochs=epochs, seed=seed, tokenizer=tokenizer)
        assert self.documents is not None
        found: list[Neighbor] = self.documents.neighbors(vector, top=top)
        return found

    @names_translated(TRAINING_NAMES)
    def train_more(
        self,
        corpus: Any,
        tags: Any = None,
        *,
        new_words: bool = True,
        freeze: Iterable[str | int] | NDArray[np.bool_] | None = None,
        output: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        lowercase: bool | None = None,
        tokenizer: TokenizerLike | None = None,
        normalizer: Callable[[str], str] | None = None,
        encoding_errors: str = "strict",
        as_text: bool = False,
        column: str | None = None,
        heldout: HeldoutSource | None = None,
        heldout_every: str | Period | None = None,
        patience: int | None = None,
        stop_metric: Callable[[WordVectors], float] | None = None,
        checkpoint_every: str | float | Period | None = None,
        on_interrupt: str = "save",
        matrices: str = "memory",
        callbacks: Iterable[Any] = (),
        progress: bool | None = None,
        sequence_weights: Any = None,
        **changes: Unpack[TrainingParameters],
    ) -> Model:
        """Train on new text, from the vectors of this model. Return a new model; this model does not change.

        The vocabulary of the new model has every word of this model, and the new words that occur at least
        ``min_count`` times in the new text. Counts are added. New words start as in ``firth.train``. Noise words are
        drawn from the words of the new text only; so with negative sampling, a word that does not occur in the new text
        keeps its vectors to the bit. With ``loss="hierarchical-softmax"`` the Huffman tree depends on the counts:
        without new words, tree and counts do not change; with new words, the tree is built again from all counts, and
        the vectors of its inner nodes start from zero.

        The learning rate starts again and falls over the epochs of this run. The result differs from training on all
        text at once: a word that occurs only in the new text learns only from contexts in the new text.

        A model of documents is trained on new documents. A tag of this model continues from its row, and new tags get
        new rows. A tag without a new document keeps its row to the bit. The rows of words learn too; ``infer`` is the
        method that changes no row.

        Parameters
        ----------
        corpus : as in ``firth.train``; as in ``firth.train_documents`` for a model of documents
            The phrases of this model are joined in it. A model with phrases takes no encoded corpus.
        tags : as in ``firth.train_documents``, for a model of documents alone
            None: the names of the files, or, if the tags of this model are integers, the integers after the largest.
        new_words : bool
            False: no words are added to the vocabulary.
        freeze : words, or bool array (V,) over this model's rows
            The words whose input vectors training does not change. Other input vectors and all output vectors change.
        lowercase : bool or None
            None: the value with which this model was trained.
        changes : parameters of TrainingConfig
            Parameters that differ from this model's. ``architecture``, ``loss`` and ``dims`` cannot change.
        tokenizer : as in ``firth.train``, or None
            None: texts are split as the training texts of this model were.
        output, overwrite, ... : as in ``firth.train``

        Raises
        ------
        ParameterError, CorpusError, CorpusTypeError, StorageError, TrainingError, UnknownWordError
            Also a ParameterError for a model of documents with ``freeze``, ``stop_metric`` or ``sequence_weights``,
            for a model of words with ``tags``, and for a model of pairs.
        """
        if self.contexts is not None:
            raise ParameterError(
                "train_more must be called on a model of text, got a model of pairs; train on all pairs by firth.train,"
                " with initial_vectors=model.vectors to start from this model"
            )
        from firth.training.run.more import train_more

        return train_more(
            self,
            corpus,
            tags,
            new_words=new_words,
            freeze=freeze,
            output=output,
            overwrite=overwrite,
            lowercase=lowercase,
            tokenizer=tokenizer,
            normalizer=normalizer,
            encoding_errors=encoding_errors,
            as_text=as_text,
            column=column,
            heldout=heldout,
            heldout_every=heldout_every,
            patience=patience,
            stop_metric=stop_metric,
            checkpoint_every=checkpoint_every,
            on_interrupt=on_interrupt,
            matrices=matrices,
            callbacks=callbacks,
            progress=progress,
            sequence_weights=sequence_weights,
            changes=changes,
        )


def load(folder: str | os.PathLike[str]) -> Model:
    """Open the model in a folder. Its vectors and words are memory-mapped, so many processes can share them.

    Raises
    ------
    StorageError
        The folder or a file in it is missing.
    FormatError
        The folder is not a model of firth, or is damaged.
    """
    target = Path(folder)
    if not (target / "config.json").exists() and (target / WORK_NAME / RUN_NAME).exists():
        raise StorageError(
            f"{target} holds an unfinished run and no model; continue it by firth.resume({str(target)!r}) or"
            f" `{resume_command(target)}`"
        )
    config, tensors = read_model_folder(target, check_numbers=True)
    try:
        missing = [key for key in CONFIG_KEYS if key not in config]
        if missing:
            raise ValueError(
                f"config.json has no {missing[0]!r}; if the folder has vectors alone, as `firth convert` writes them,"
                f" firth.read_vectors({str(target)!r}) reads them"
            )
        vectors = _read_vectors(config, tensors, target)
        documents, train_words = decode_documents(config, tensors, vectors.dims)
        return Model(
            vectors=vectors,
            output_vectors=tensors["output_vectors"],
            config=TrainingConfig.from_json(as_object(config["training"], "training")),
            history=History.from_json(config["history"]),
            corpus=read_record(CorpusRecord, config["corpus"], "corpus"),
            instruction_set=as_text(config["instruction_set"], "instruction_set"),
            firth_version=as_text(config["firth_version"], "firth_version"),
            documents=documents,
            train_words=train_words,
            phrases=_read_phrases(tensors),
            tokenizer=decode_tokenizer(config, tensors),
            contexts=decode_contexts(config, tensors, vectors),
        )
    except (KeyError, TypeError, ValueError, ParameterError, ShapeError) as error:
        raise FormatError(f"{target}: not a complete model of firth: {_describe(error)}") from None


def _read_vectors(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], folder: Path) -> WordVectors:
    matrix = tensors["input_vectors"]
    if matrix.ndim != 2:
        raise ShapeError(f"input_vectors must have two dimensions, got {matrix.shape}")
    n_words, n_dims = matrix.shape
    subwords = decode_subwords(config, tensors, n_words, n_dims, folder)
    return WordVectors(_read_words(tensors), matrix, tensors.get("counts"), subwords)


def _read_phrases(tensors: Mapping[str, NDArray[Any]]) -> Phrases | None:
    if PHRASES_NAME not in tensors:
        return None
    stored = tensors[PHRASES_NAME]
    if stored.dtype != np.uint8 or stored.ndim != 1:
        raise ShapeError(f"phrases must be bytes in one dimension, got {stored.dtype} of shape {stored.shape}")
    return Phrases.from_bytes(stored.tobytes(), "its phrases")


def _read_words(tensors: Mapping[str, NDArray[Any]]) -> PackedWords | NDArray[np.int64]:
    if "word_ids" in tensors:
        return tensors["word_ids"]
    return PackedWords(tensors["words"], tensors["word_offsets"])


def _describe(error: Exception) -> str:
    return f"{error} is missing" if type(error) is KeyError else str(error)
