"""Room corpus: a corpus encoded with every word, whose phrases are joined natively, and the corpus that training reads.

Phrases are joined before rare words are dropped: a dropped word would make its neighbours look adjacent.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.storage import storage_error
from firth.corpus.encoded import HELDOUT_IDS, HELDOUT_OFFSETS, IDS, OFFSETS, EncodedCorpus
from firth.corpus.phrases import Phrases
from firth.corpus.vocabulary import encode_words
from firth.errors import CorpusTypeError, ParameterError
from firth.native.phrases import Chains, IdText, Joiner, PhraseIndex, closing_all
from firth.native.stopping import POLL_S, Team
from firth.numerics.phrases import Phrase

BLOCK_TOKENS = 1 << 19  # tokens that a thread joins or counts at once

Part = tuple[NDArray[np.int32], NDArray[np.int64]]  # ids and offsets


@dataclass(frozen=True)
class IdPhrases:
    """The phrases of one pass, in ids of the text that the pass reads.

    Attributes
    ----------
    first, chain, last : int32 arrays, (n,)
        ``chain`` is the number of the phrase's connector words in ``chains``.
    joined : list of str, (n,)
        The token that each phrase becomes.
    chains : Chains
    chain_ids : list of tuples
        The ids of the connector words of each chain, by its number.
    """

    first: NDArray[np.int32]
    chain: NDArray[np.int32]
    last: NDArray[np.int32]
    joined: list[str]
    chains: Chains
    chain_ids: Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class JoinedText:
    """A corpus with every word, in which the phrases of some passes are joined.

    Attributes
    ----------
    encoded : EncodedCorpus
        From ``encode_every_word``: the words of the text.
    training, heldout : ids and offsets
        ``heldout`` is None if no share was held out.
    counts : int64 array, (n_ids,)
        In the training part.
    joined_words : tuple of str
        Words that phrases became; their ids follow the ids of the text's words.
    delimiter : str
    ambiguous : dict from str to int
        The ids of the text's own words that have the delimiter. A phrase of that spelling becomes this id.
    """

    encoded: EncodedCorpus
    training: Part
    heldout: Part | None
    counts: NDArray[np.int64]
    joined_words: tuple[str, ...]
    delimiter: str
    ambiguous: dict[str, int]

    @classmethod
    def of(cls, encoded: EncodedCorpus, delimiter: str) -> JoinedText:
        """The text before the first pass.

        Raises
        ------
        CorpusTypeError
            The words are integers.
        """
        vocabulary = encoded.vocabulary
        if vocabulary.words_are_ids:
            raise CorpusTypeError("phrases must be left out if the words are integers; convert the words to strings")
        heldout: Part | None = None
        if encoded.heldout_ids is not None and encoded.heldout_offsets is not None:
            heldout = encoded.heldout_ids, encoded.heldout_offsets
        found = vocabulary.packed().containing(encode_words(delimiter)).tolist()
        ambiguous = dict(zip(vocabulary.words_at(found), found, strict=True))
        return cls(encoded, (encoded.ids, encoded.offsets), heldout, vocabulary.counts, (), delimiter, ambiguous)

    @property
    def n_ids(self) -> int:
        return len(self.counts)

    def words_at(self, word_ids: NDArray[np.int32]) -> list[str]:
        """The words with these ids."""
        n_text = len(self.encoded.vocabulary)
        of_text = iter(self.encoded.vocabulary.words_at(word_ids[word_ids < n_text].tolist()))
        return [
            next(of_text) if number < n_text else self.joined_words[number - n_text] for number in word_ids.tolist()
        ]

    def look_up(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The id of each word, -1 for a word that the text does not have."""
        word_ids = self.encoded.vocabulary.look_up(words)
        joined = self._joined_ids()
        for place in np.flatnonzero(word_ids < 0).tolist():
            word_ids[place] = joined.get(words[place], -1)
        return word_ids

    def connectors(self, connector_words: frozenset[str]) -> NDArray[np.uint8] | None:
        """1 for the ids of connector words, uint8 (n_ids,); None without connector words."""
        if not connector_words:
            return None
        is_connector = np.zeros(self.n_ids, np.uint8)
        found = self.look_up(sorted(connector_words))
        is_connector[found[found >= 0]] = 1
        return is_connector

    def phrases_of(self, phrases: Sequence[Phrase]) -> IdPhrases:
        """Phrases of a table in ids of this text; phrases with a word that the text does not have are left out.

        The caller closes ``chains``.
        """
        words = list(dict.fromkeys(word for phrase in phrases for word in phrase))
        ids = dict(zip(words, self.look_up(words).tolist(), strict=True))
        known = [phrase for phrase in phrases if all(ids[word] >= 0 for word in phrase)]
        chains = Chains()
        inside = [tuple(ids[word] for word in phrase[1:-1]) for phrase in known]
        return IdPhrases(
            np.array([ids[phrase[0]] for phrase in known], np.int32),
            np.array([chains.add(chain) for chain in inside], np.int32),
            np.array([ids[phrase[-1]] for phrase in known], np.int32),
            [self.delimiter.join(phrase) for phrase in known],
            chains,
            chains.to_lists(),
        )

    def join(
        self, phrases: IdPhrases, connectors: NDArray[np.uint8] | None, folder: Path, threads: int
    ) -> tuple[JoinedText, int]:
        """Join the phrases of one pass; the text, in files of a new folder, and how many phrases were joined.

        Raises
        ------
        StorageError
        """
        numbers = {**self.ambiguous, **self._joined_ids()}
        joined_words = list(self.joined_words)
        first_id = len(self.encoded.vocabulary)
        joined = np.empty(len(phrases.joined), np.int32)
        for k, word in enumerate(phrases.joined):
            if word not in numbers:
                numbers[word] = first_id + len(joined_words)
                joined_words.append(word)
            joined[k] = numbers[word]
        index = PhraseIndex(self.n_ids, phrases.chains, phrases.first, phrases.chain, phrases.last, joined)
        try:
            folder.mkdir()
            with contextlib.closing(index):
                training, n_joined = _join_part(
                    index, self.training, connectors, folder / IDS, folder / OFFSETS, threads
                )
                heldout = None
                if self.heldout is not None:
                    names = folder / HELDOUT_IDS, folder / HELDOUT_OFFSETS
                    heldout, _ = _join_part(index, self.heldout, connectors, *names, threads)
        except OSError as error:
            raise storage_error(error, folder) from error
        counts = np.zeros(first_id + len(joined_words), np.int64)
        counts[: self.n_ids] = self.counts
        np.subtract.at(counts, phrases.first, n_joined)
        np.subtract.at(counts, phrases.last, n_joined)
        for place in np.flatnonzero(phrases.chain).tolist():
            np.subtract.at(counts, list(phrases.chain_ids[phrases.chain[place]]), n_joined[place])
        np.add.at(counts, joined, n_joined)
        text = replace(self, training=training, heldout=heldout, counts=counts, joined_words=tuple(joined_words))
        return text, int(n_joined.sum())

    def vocabulary_words(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All words in one buffer: their bytes, and (n_ids + 1,) offsets."""
        own = self.encoded.vocabulary.packed()
        added = [encode_words(word) for word in self.joined_words]
        ends = own.offsets[-1] + np.cumsum([len(word) for word in added], dtype=np.int64)
        word_bytes = np.concatenate([own.word_bytes, np.frombuffer(b"".join(added), np.uint8)])
        return word_bytes, np.concatenate([own.offsets, ends])

    def _joined_ids(self) -> dict[str, int]:
        first = len(self.encoded.vocabulary)
        return {word: first + k for k, word in enumerate(self.joined_words)}


def apply_phrases(text: JoinedText, phrases: Phrases, folder: Path, threads: int) -> tuple[JoinedText, int]:
    """The text with the phrases of all passes of a table joined, and how many phrases were joined.

    Parameters
    ----------
    folder : path
        Files of the passes are written into new folders inside.
    """
    if text.delimiter != phrases.delimiter:
        raise ParameterError(f"delimiter must be {text.delimiter!r}, got {phrases.delimiter!r}")
    n_all = 0
    for number, one in enumerate(phrases.passes):
        found = text.phrases_of(list(one.scores))
        with contextlib.closing(found.chains):
            connectors = text.connectors(phrases.connector_words)
            text, n_joined = text.join(found, connectors, folder / f"pass-{number}", threads)
        n_all += n_joined
    return text, n_all


def blocks_of(n_tokens: int, threads: int) -> list[tuple[int, int]]:
    """Ranges of tokens for the threads: at most ``BLOCK_TOKENS`` each, and some for every thread."""
    size = max(1, min(BLOCK_TOKENS, -(-n_tokens // (4 * threads))))
    return [(start, min(start + size, n_tokens)) for start in range(0, n_tokens, size)]


def each_block(blocks: Sequence[tuple[int, int]], work: Sequence[Callable[[int, int], None]], team: Team) -> None:
    """Call the functions, each in a thread of its own, with one block after the other."""
    remaining: Iterator[tuple[int, int]] = iter(blocks)
    lock = threading.Lock()

    def run(function: Callable[[int, int], None]) -> None:
        while not team.stop.is_set():
            with lock:
                block = next(remaining, None)
            if block is None:
                return
            function(*block)

    team.run([lambda function=function: run(function) for function in work])  # type: ignore[misc]


def _join_part(
    index: PhraseIndex,
    part: Part,
    connectors: NDArray[np.uint8] | None,
    ids_path: Path,
    offsets_path: Path,
    threads: int,
) -> tuple[Part, NDArray[np.int64]]:
    """Write a part with its phrases joined. Returns the part, mapped, and how often each phrase was joined."""
    ids, offsets = part
    text = IdText(ids, offsets, connectors)
    blocks = blocks_of(len(ids), threads)
    joiners = [Joiner(index) for _ in range(max(1, min(threads, len(blocks))))]
    team = Team()
    turn = threading.Condition()
    n_written, next_start = 0, 0
    with closing_all(joiners), open(ids_path, "wb", buffering=0) as ids_file, open(offsets_path, "wb") as offsets_file:
        n_leading = int(np.searchsorted(offsets, 0, side="right"))  # offsets that are 0: of the first sequences
        offsets_file.write(bytes(8 * n_leading))
        offsets_file.flush()

        def join(joiner: Joiner, start: int, stop: int) -> None:
            nonlocal n_written, next_start
            begin = index.block_start(text, start) if start else 0
            end = index.block_start(text, stop)
            n_joined = joiner.join(text, begin, end) if begin < end else 0
            with turn:
                while next_start != start:
                    turn.wait(POLL_S)
                    if team.stop.is_set():
                        return
                n_before = n_written
                n_written += n_joined
                next_start = stop
                turn.notify_all()
            if begin < end:
                first_sequence = int(np.searchsorted(offsets, begin, side="right")) - 1
                joiner.write(ids_file.fileno(), offsets_file.fileno(), n_before, first_sequence)

        work = [lambda start, stop, joiner=joiner: join(joiner, start, stop) for joiner in joiners]
        each_block(blocks, work, team)
        counts = np.zeros(index.n_phrases, np.int64)
        for joiner in joiners:
            joiner.add_counts(counts)
    return (_map(ids_path, np.dtype("<i4")), _map(offsets_path, np.dtype("<i8"))), counts


def _map(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    if path.stat().st_size == 0:  # mmap cannot map an empty file
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r")


__all__ = ["BLOCK_TOKENS", "IdPhrases", "JoinedText", "apply_phrases", "blocks_of", "each_block"]
