"""Room models: what a run yields: vectors, how they came about, and how they are saved and loaded.

Tests: tests/training/test_train.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.base.json_file import as_object, as_text
from firth.base.words import pack_words
from firth.errors import FormatError, ParameterError, ShapeError, StorageError
from firth.formats.model_folder import read_model_folder, write_model_folder
from firth.kernels.config import TrainingConfig
from firth.models.history import History
from firth.models.records import read_record
from firth.models.run_files import RUN_NAME, WORK_NAME
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import PackedWords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Unpack

    from firth.kernels.parameters import TrainingParameters
    from firth.training.loop.intervals import Interval
    from firth.training.run.options import HeldoutSource

CONFIG_KEYS = ("firth_version", "training", "history", "corpus", "instruction_set")


@dataclass(frozen=True)
class CorpusRecord:
    """What a model remembers of its corpus.

    Attributes
    ----------
    sha256 : str
        Identifies the encoded corpus.
    n_tokens : int
        Tokens trained on in each epoch, after minimum count and maximum vocabulary.
    n_tokens_read : int
        Tokens before that; held-out ones do not count.
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
        The input vectors, float32 (V, D), with their words and counts: what neighbours and analogies are asked of.
    output_vectors : float32 array, (V, D)
        The other side; (V - 1, D), inner nodes of the Huffman tree, for ``loss="hierarchical-softmax"``.
    config : TrainingConfig
        Resolved: no ``None`` that means "decide for me" is left.
    history : History
    corpus : CorpusRecord
    instruction_set : str
        Of the native core that trained it: other instruction sets round differently in the last bits.
    firth_version : str
    """

    vectors: WordVectors
    output_vectors: NDArray[np.float32]
    config: TrainingConfig
    history: History = field(default_factory=History)
    corpus: CorpusRecord = field(default_factory=CorpusRecord)
    instruction_set: str = ""
    firth_version: str = __version__

    def __repr__(self) -> str:
        n_words, n_dims = self.vectors.matrix.shape
        return f"Model({n_words:,} words, {n_dims} dims, {self.config.architecture}, {self.config.loss})"

    def save(self, folder: str | os.PathLike[str], overwrite: bool = False, *, storage: str = "float32") -> None:
        """Write the model into a folder; an old one in it stays whole until the new one is on the disk.

        Parameters
        ----------
        folder : path
            Made where it is missing.
        overwrite : bool
            Replace the model that is in the folder.
        storage : {"float32", "float16"}
            ``"float16"`` halves the size; docs/formats.md has the loss.

        Raises
        ------
        StorageError
            The folder is taken, cannot be written, or the disk is full.
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
        write_model_folder(folder, tensors, self._to_json(), overwrite=overwrite, storage=storage)

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

    def train_more(
        self,
        corpus: Any,
        *,
        new_words: bool = True,
        freeze: Iterable[str | int] | NDArray[np.bool_] | None = None,
        output: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        lowercase: bool | None = None,
        tokenizer: str | Callable[[str], Sequence[str]] | None = None,
        normalizer: Callable[[str], str] | None = None,
        encoding_errors: str = "strict",
        as_text: bool = False,
        heldout: HeldoutSource | None = None,
        heldout_every: str | Interval | None = None,
        patience: int | None = None,
        stop_metric: Callable[[WordVectors], float] | None = None,
        checkpoint_every: str | float | Interval | None = None,
        on_interrupt: str = "save",
        callbacks: Iterable[Any] = (),
        progress: bool | None = None,
        sequence_weights: Any = None,
        **changes: Unpack[TrainingParameters],
    ) -> Model:
        """Continue on new text; this model stays as it is, a new one is returned.

        The vocabulary of the new model has every word of this one, and the words of the new text that are seen
        ``min_count`` times in both together. Counts are added. New words start as they do in ``firth.train``. Noise
        words are drawn among the words of the new text alone, so with negative sampling a word that the new text
        does not have keeps its vectors to the bit. With ``loss="hierarchical-softmax"`` the Huffman tree hangs on the
        counts: without new words both stay as they are; with new ones the tree is built anew over all counts, and the
        vectors of its inner nodes start from zero.

        The learning rate starts anew and falls over the epochs of this run alone. Continuing is no substitute for
        training on all of the text at once: words that only the new text has see only its company.

        Parameters
        ----------
        corpus : as in ``firth.train``
        new_words : bool
            False: the vocabulary stays as it is.
        freeze : words, or bool array (V,) over this model's rows
            Their input vectors stay as they are. Other words still move, and so do output vectors.
        lowercase : bool or None
            None: as this model was trained.
        changes : parameters of TrainingConfig
            Other than this model's own. ``architecture``, ``loss`` and ``dims`` cannot change.
        output, overwrite, tokenizer, ... : as in ``firth.train``

        Raises
        ------
        ParameterError, CorpusError, StorageError, TrainingError, UnknownWordError
        """
        from firth.training.run.more import train_more

        return train_more(
            self,
            corpus,
            new_words=new_words,
            freeze=freeze,
            output=output,
            overwrite=overwrite,
            lowercase=lowercase,
            tokenizer=tokenizer,
            normalizer=normalizer,
            encoding_errors=encoding_errors,
            as_text=as_text,
            heldout=heldout,
            heldout_every=heldout_every,
            patience=patience,
            stop_metric=stop_metric,
            checkpoint_every=checkpoint_every,
            on_interrupt=on_interrupt,
            callbacks=callbacks,
            progress=progress,
            sequence_weights=sequence_weights,
            changes=changes,
        )


def load(folder: str | os.PathLike[str]) -> Model:
    """Open the model in a folder. Its vectors and words are memory-mapped: many processes share them.

    Raises
    ------
    StorageError
        The folder or a file in it is missing.
    FormatError
        It is no model of firth's, or damaged.
    """
    target = Path(folder)
    if not (target / "config.json").exists() and (target / WORK_NAME / RUN_NAME).exists():
        raise StorageError(
            f"{target} holds an unfinished run and no model; go on with it by firth.resume({str(target)!r}) or"
            f" `firth train --resume {target}`"
        )
    config, tensors = read_model_folder(target, check_numbers=True)
    try:
        missing = [key for key in CONFIG_KEYS if key not in config]
        if missing:
            raise ValueError(f"config.json has no {missing[0]!r}; is it a checkpoint?")
        return Model(
            vectors=WordVectors(_read_words(tensors), tensors["input_vectors"], tensors.get("counts")),
            output_vectors=tensors["output_vectors"],
            config=TrainingConfig.from_json(as_object(config["training"], "training")),
            history=History.from_json(config["history"]),
            corpus=read_record(CorpusRecord, config["corpus"], "corpus"),
            instruction_set=as_text(config["instruction_set"], "instruction_set"),
            firth_version=as_text(config["firth_version"], "firth_version"),
        )
    except (KeyError, TypeError, ValueError, ParameterError, ShapeError) as error:
        raise FormatError(f"{target}: not a whole model of firth's: {_describe(error)}") from None


def _read_words(tensors: Mapping[str, NDArray[Any]]) -> PackedWords | NDArray[np.int64]:
    if "word_ids" in tensors:
        return tensors["word_ids"]
    return PackedWords(tensors["words"], tensors["word_offsets"])


def _describe(error: Exception) -> str:
    return f"{error} is missing" if type(error) is KeyError else str(error)
