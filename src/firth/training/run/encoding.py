"""Room training: the corpus and the held-out part of a run: encoded into the work folder, or used if already encoded.

Tests: tests/training/test_train.py.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.choosing import IntegerWordsError, NoKnownWordError, WordKindError
from firth.corpus.encode import encode_corpus, estimate_corpus
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.learning_phrases import PhraseSettings
from firth.corpus.memory_columns import is_foreign, through_arrow
from firth.corpus.phrase_encoding import encode_with_phrases
from firth.corpus.phrases import Phrases
from firth.corpus.sources import FROM_STANDARD_INPUT, classify_source
from firth.corpus.tables import TextColumn, Tokenizer, read_table
from firth.corpus.tokenizers import TokenizerLike, TokenizerRecord
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, FormatError, ParameterError
from firth.kernels.config import TrainingConfig
from firth.training.loop.progress import ProgressDisplay, format_bytes
from firth.training.run.options import RunOptions
from firth.training.run.workspace import Workspace, copy_file

IdsAndOffsets = tuple[NDArray[np.int32], NDArray[np.int64]]

LARGE_BYTES = 10**9  # memory or disk from which the needs of encoding are told before the corpus is read


@dataclass(frozen=True)
class TextOptions:
    """How text becomes tokens: the arguments of ``firth.encode_corpus``.

    ``continues_rows``: the start vectors are rows in the order of the given vocabulary. Then the run continues a model,
    and it is intended that words without a token in the new text keep their vectors.
    """

    lowercase: bool
    tokenizer: TokenizerLike | None
    normalizer: Callable[[str], str] | None
    encoding_errors: str
    as_text: bool
    continues_rows: bool = False
    column: str | None = None

    def choices(self) -> dict[str, Any]:
        """The arguments of ``firth.encode_corpus``, by name."""
        names = ("lowercase", "tokenizer", "normalizer", "encoding_errors", "as_text", "column")
        return {name: getattr(self, name) for name in names}


def encode_for_training(
    corpus: Any,
    workspace: Workspace,
    config: TrainingConfig,
    text: TextOptions,
    vocabulary: Vocabulary | None,
    options: RunOptions,
    display: ProgressDisplay,
    folder: Path,
    *,
    phrases: Phrases | PhraseSettings | None = None,
    cut: bool = True,
) -> tuple[EncodedCorpus, Phrases | None, float]:
    """Return the encoded corpus, the table of its phrases, and the seconds of encoding.

    ``cut=False`` keeps every word, whatever its count.
    """
    started = time.monotonic()
    share = None if options.heldout is None else options.heldout.share
    if isinstance(corpus, EncodedCorpus):
        if phrases is not None:
            raise ParameterError(
                "corpus must be text if phrases are joined in it, got an encoded corpus, whose rare words are dropped;"
                " pass the text"
            )
        _validate_encoded(corpus, text, vocabulary, share)
        corpus.verify()
        _tell_of_marks(corpus, display)
        _tell_of_unseen_words(corpus, display, is_mistake=False)
        if options.checkpoint_every is not None:
            corpus = _adopt(corpus, folder)
        return corpus, None, 0.0
    if is_foreign(corpus):  # its stream may be read only once
        corpus = through_arrow(corpus, "corpus")
    estimate = estimate_corpus(
        corpus, threads=config.threads, tokenizer=text.tokenizer, as_text=text.as_text, column=text.column
    )
    if max(estimate.memory_bytes, estimate.disk_bytes or 0) >= LARGE_BYTES:
        needs = f"encoding: memory {format_bytes(estimate.memory_bytes)} besides the words"
        if estimate.disk_bytes is not None:
            needs += f", disk {format_bytes(estimate.disk_bytes)} in {workspace.folder}"
        display.note(needs)
    choices: dict[str, Any] = {
        **text.choices(),
        "folder": folder,
        "min_count": config.min_count if cut else 1,
        "max_vocabulary": config.max_vocabulary if cut else None,
        "vocabulary": vocabulary,
        "threads": config.threads,
        "progress": display.encoding,
        "heldout_share": share,
        "seed": config.seed,
    }
    table: Phrases | None = None
    if phrases is None:
        encoded = encode_corpus(corpus, **choices)
    else:
        encoded, table, n_joined = encode_with_phrases(corpus, phrases=phrases, must_join=cut, **choices)
        display.note(f"{len(table):,} phrases in {len(table.passes)} passes; {n_joined:,} joined in the corpus")
    _tell_of_marks(encoded, display)
    if cut:
        _tell_of_unseen_words(encoded, display, is_mistake=not text.continues_rows)
    return encoded, table, time.monotonic() - started


@contextmanager
def known_words(name: str, of: str, vocabulary: Vocabulary) -> Iterator[None]:
    """A context that rewrites errors about a vocabulary that the caller did not pass, so that they name its owner.

    Parameters
    ----------
    name : str
        The parameter that the caller passed: ``"corpus"`` or ``"heldout"``.
    of : str
        The owner of the vocabulary: ``"the model"`` or ``"the corpus"``.
    """
    try:
        yield
    except (WordKindError, IntegerWordsError) as error:
        if isinstance(error, IntegerWordsError) and vocabulary.words_are_ids:
            raise  # the kinds are the same
        raise wrong_word_kind(name, of, vocabulary) from None
    except NoKnownWordError:
        first = ", ".join(map(repr, vocabulary.word_list()[:5]))
        raise NoKnownWordError(
            f"{name} must have words of {of}'s vocabulary, got none; its first words: {first}"
        ) from None


def wrong_word_kind(name: str, of: str, vocabulary: Vocabulary) -> CorpusTypeError:
    """The error if words are integers and the vocabulary has strings, or the other way round."""
    kinds = ("strings", "integers")
    expected, found = kinds[vocabulary.words_are_ids], kinds[not vocabulary.words_are_ids]
    return CorpusTypeError(f"{name} must have {expected} for words, as {of} has, got {found}; convert the words")


def _tell_of_marks(corpus: EncodedCorpus, display: ProgressDisplay) -> None:
    """Note the byte-order marks that encoding found inside the text."""
    n_marks, n_marked_tokens = corpus.counted("n_byte_order_marks"), corpus.counted("n_marked_tokens")
    if n_marks:
        display.note(f"{n_marks:,} byte-order marks (U+FEFF) inside the text were removed from their words")
    if n_marked_tokens:
        display.note(
            f"{n_marked_tokens:,} tokens begin with a byte-order mark (U+FEFF) and are separate words; open the"
            " file with encoding='utf-8-sig', or remove the mark"
        )
    n_glued = corpus.counted("n_glued_tokens")
    if n_glued:
        display.note(
            f"{n_glued:,} words contain a byte-order mark (U+FEFF): files were joined without a line end between them,"
            " so the last word of one file and the first word of the next file are one word"
        )


def _tell_of_unseen_words(corpus: EncodedCorpus, display: ProgressDisplay, *, is_mistake: bool) -> None:
    """Warn if words of a given vocabulary do not occur in the corpus; if ``is_mistake`` is False, note it only."""
    words = corpus.unseen_words()
    if words:
        n_unseen, n_words = corpus.counted("n_words_unseen"), len(corpus.vocabulary)
        shown = ", ".join(map(repr, words)) + (", ..." if n_unseen > len(words) else "")
        message = (
            f"vocabulary has {n_unseen:,} of {n_words:,} words that never occur in the corpus ({shown}); the input"
            " vectors of these words learn nothing; if the words should occur, compare their case and spelling with the"
            " corpus"
        )
        if is_mistake:
            warnings.warn(message, CorpusWarning, stacklevel=5)
        else:  # the run continues a model, or the vocabulary may have been made for several corpora
            display.note(message)


def _validate_encoded(
    corpus: EncodedCorpus, text: TextOptions, vocabulary: Vocabulary | None, share: float | None
) -> None:
    given = {
        "lowercase": text.lowercase,
        "tokenizer": text.tokenizer is not None,
        "normalizer": text.normalizer is not None,
        "vocabulary": vocabulary is not None,
        "as_text": text.as_text,
        "column": text.column is not None,
    }
    for name, is_given in given.items():
        if is_given:
            raise ParameterError(f"{name} must be left out if the corpus is encoded already; pass it to encode_corpus")
    if share is not None and corpus.heldout_ids is None:
        raise ParameterError(
            f"heldout={share:g} must be passed to encode_corpus as heldout_share if the corpus is encoded already"
        )
    held_out = corpus.manifest.get("settings", {}).get("heldout_share")
    if share is not None and held_out != share:
        raise ParameterError(f"heldout must be the {held_out!r} with which the corpus was encoded, got {share:g}")


def _adopt(corpus: EncodedCorpus, folder: Path) -> EncodedCorpus:
    """Put the corpus into the folder of the run, so that the run can be resumed if the original is deleted."""
    folder.mkdir()
    for entry in sorted(corpus.folder.iterdir()):
        if entry.name in corpus.manifest["files"] or entry.name == "corpus.json":
            copy_file(entry, folder / entry.name)
    return EncodedCorpus(folder)


def encode_heldout(
    workspace: Workspace,
    corpus: EncodedCorpus,
    options: RunOptions,
    text: TextOptions,
    config: TrainingConfig,
    display: ProgressDisplay,
    phrases: Phrases | None,
) -> IdsAndOffsets | None:
    if options.heldout is None:
        return None
    if options.heldout.share is not None:
        return heldout_arrays(corpus, None)
    with known_words("heldout", "the corpus", corpus.vocabulary):
        choices: dict[str, Any] = {
            **text.choices(),
            "folder": workspace.heldout_folder,
            "vocabulary": corpus.vocabulary,
            "threads": config.threads,
            "progress": display.encoding,
        }
        if phrases is None:
            heldout = encode_corpus(options.heldout.source, **choices)
        else:
            heldout, _, _ = encode_with_phrases(options.heldout.source, phrases=phrases, must_join=False, **choices)
    return heldout_arrays(corpus, heldout)


def heldout_arrays(corpus: EncodedCorpus, heldout: EncodedCorpus | None) -> IdsAndOffsets:
    if heldout is not None:
        return heldout.ids, heldout.offsets
    if corpus.heldout_ids is None or corpus.heldout_offsets is None:
        raise FormatError(f"{corpus.folder}: the held-out part is missing; start the run again")
    return corpus.heldout_ids, corpus.heldout_offsets


def reopen_corpus(folder: Path, sha256: str) -> EncodedCorpus:
    corpus = EncodedCorpus(folder)
    if corpus.sha256 != sha256:
        raise CorpusError(f"{folder}: the encoded corpus was changed since the run began; start the run again")
    corpus.verify()
    return corpus


def is_lowercase(corpus: EncodedCorpus) -> bool:
    return bool(corpus.manifest.get("settings", {}).get("lowercase", False))


def recorded_tokenizer(corpus: EncodedCorpus) -> TokenizerRecord:
    return TokenizerRecord.of_settings(corpus.manifest.get("settings", {}))


def like_the_model(corpus: Any, record: TokenizerRecord, column: str | None) -> tuple[Any, Tokenizer | None]:
    """The corpus and the tokenizer of a model for its texts; None for a corpus that is not text.

    A list of paths becomes a list of ``Path``, because strings are texts where a tokenizer is given.
    """
    if not record.name:
        return corpus, None
    items = corpus if isinstance(corpus, list | tuple) else [corpus]
    if column is None and items and all(isinstance(item, str | os.PathLike) for item in items):
        if isinstance(corpus, list | tuple):
            corpus = [item if item == FROM_STANDARD_INPUT else Path(item) for item in corpus]
        return corpus, record.restore()
    if column is not None:
        found = classify_source(corpus, column=column)
        is_text = isinstance(found, list) or getattr(found, "is_tokenized", False)
    else:
        is_text = hasattr(corpus, "read") or isinstance(read_table(corpus), TextColumn)
    return corpus, record.restore() if is_text else None


def longest_sequence(offsets: NDArray[np.int64], block: int = 1 << 20) -> int:
    longest = 0
    for start in range(0, len(offsets) - 1, block):
        longest = max(longest, int(np.max(np.diff(offsets[start : start + block + 1]), initial=0)))
        if longest >= 2:
            break
    return longest
