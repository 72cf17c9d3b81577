"""Room corpus: encodes a corpus with its phrases joined, which are learned from it or given.

Tests: tests/training/test_phrases.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.storage import storage_error
from firth.corpus.choosing import NoKnownWordError, WordKindError, rank_kept, take_words
from firth.corpus.corpus_folder import new_corpus
from firth.corpus.counting import Progress
from firth.corpus.encode import encode_every_word
from firth.corpus.encoded import (
    HELDOUT_IDS,
    HELDOUT_OFFSETS,
    IDS,
    OFFSETS,
    VOCABULARY,
    EncodedCorpus,
    write_manifest,
)
from firth.corpus.joining import JoinedText, apply_phrases
from firth.corpus.learning_phrases import PhraseSettings, learn_and_join
from firth.corpus.native_words import NativeWords
from firth.corpus.phrases import Phrases
from firth.corpus.rewrite import OWN_ENTRIES, rewrite_ids
from firth.corpus.tokenizers import TokenizerLike
from firth.corpus.vocabulary import Vocabulary, validate_cuts
from firth.errors import CorpusError


def encode_with_phrases(
    source: Any,
    *,
    folder: str | os.PathLike[str],
    phrases: Phrases | PhraseSettings,
    min_count: int = 5,
    max_vocabulary: int | None = None,
    vocabulary: Vocabulary | None = None,
    must_join: bool = True,
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    heldout_share: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    as_text: bool = False,
    column: str | None = None,
) -> tuple[EncodedCorpus, Phrases, int]:
    """Encode a corpus as ``encode_corpus`` does, with its phrases joined.

    Every word is encoded first, then phrases are joined, then rare words are dropped. So the counts are those of the
    joined text, and dropped words separate their neighbours.

    Parameters
    ----------
    phrases : Phrases, or PhraseSettings to learn them from the corpus, without its held-out sequences
    must_join : bool
        Whether a table that joins nothing in the corpus is an error.
    source, folder, ... : as in ``encode_corpus``

    Returns
    -------
    corpus, phrases, n_joined
        The encoded corpus, the table, and how many phrases were joined.

    Raises
    ------
    CorpusError
        No phrase of the table occurs in the corpus.
    CorpusTypeError, EncodingError, ParameterError, StorageError
    """
    validate_cuts(min_count, max_vocabulary)
    threads = available_processors() if threads is None else threads
    with new_corpus(Path(folder)) as work:
        encoded = encode_every_word(
            source,
            folder=work / "words",
            lowercase=lowercase,
            tokenizer=tokenizer,
            normalizer=normalizer,
            encoding_errors=encoding_errors,
            heldout_share=heldout_share,
            seed=seed,
            threads=threads,
            progress=progress,
            as_text=as_text,
            column=column,
        )
        if isinstance(phrases, PhraseSettings):
            table, text, n_joined = learn_and_join(encoded, phrases, work, threads)
        else:
            table = phrases
            text, n_joined = apply_phrases(JoinedText.of(encoded, table.delimiter), table, work, threads)
            if must_join and not n_joined:
                raise CorpusError(_nothing_joined(table, encoded))
        chosen, id_map = _choose(text, min_count, max_vocabulary, vocabulary)
        n_tokens = _write(text, id_map, work)
        if n_tokens == 0:
            raise NoKnownWordError("the corpus must have words of the given vocabulary, got none among its tokens")
        chosen.save(work / VOCABULARY)
        fields = {key: value for key, value in encoded.manifest.items() if key not in OWN_ENTRIES}
        settings = {**fields["settings"], "min_count": min_count, "max_vocabulary": max_vocabulary}
        settings |= {"given_vocabulary": vocabulary is not None, "phrases": len(table)}
        unseen = _unseen(text, id_map, vocabulary)
        fields |= {
            "n_tokens": n_tokens,
            "n_tokens_read": len(text.training[0]),
            "n_distinct_words": int(np.count_nonzero(text.counts)),
            "n_heldout_tokens_read": 0 if text.heldout is None else len(text.heldout[0]),
            "vocabulary_size": len(chosen),
            "n_words_unseen": len(unseen),
            "first_unseen_ids": unseen[:5],
            "n_phrases_joined": n_joined,
            "settings": settings,
        }
        try:
            write_manifest(work, fields, threads=threads)
        except OSError as error:
            raise storage_error(error, work) from error
    return EncodedCorpus.just_written(folder, chosen), table, n_joined


def _choose(
    text: JoinedText, min_count: int, max_vocabulary: int | None, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """The vocabulary of the joined text, and the id in it of each id of the text, -1 for a dropped word."""
    words = NativeWords(*text.vocabulary_words())
    if vocabulary is not None:
        if vocabulary.words_are_ids:
            raise WordKindError(f"vocabulary must have strings for words, as the corpus has, got {vocabulary!r}")
        return vocabulary, vocabulary.look_up(words.strings())
    ranked = rank_kept(words, text.counts, min_count, max_vocabulary)
    id_map = np.full(text.n_ids, -1, np.int32)
    id_map[ranked] = np.arange(len(ranked), dtype=np.int32)
    return Vocabulary(take_words(words, ranked), text.counts[ranked]), id_map


def _write(text: JoinedText, id_map: NDArray[np.int32], work: Path) -> int:
    try:
        n_tokens = rewrite_ids(*text.training, id_map, work / IDS, work / OFFSETS)
        if text.heldout is not None:
            rewrite_ids(*text.heldout, id_map, work / HELDOUT_IDS, work / HELDOUT_OFFSETS)
    except OSError as error:
        raise storage_error(error, work) from error
    return n_tokens


def _unseen(text: JoinedText, id_map: NDArray[np.int32], vocabulary: Vocabulary | None) -> list[int]:
    """Ids of the words of a given vocabulary that never occur in the corpus."""
    if vocabulary is None:
        return []
    is_seen = np.zeros(len(vocabulary), np.bool_)
    is_seen[id_map[(id_map >= 0) & (text.counts > 0)]] = True
    return np.flatnonzero(~is_seen).tolist()


def _nothing_joined(table: Phrases, encoded: EncodedCorpus) -> str:
    first = ", ".join(repr(" ".join(phrase)) for phrase in list(table.passes[0].scores)[:3])
    return (
        f"phrases must be of this corpus, got a table of {len(table):,} phrases ({first}, ...) of which none"
        f" occurs among its {encoded.n_tokens:,} tokens; learn phrases from this corpus, or compare upper and lower"
        " case"
    )


__all__ = ["encode_with_phrases"]
