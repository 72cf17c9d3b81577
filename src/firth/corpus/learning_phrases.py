"""Room corpus: learns a table of phrases: counts every candidate exactly, in bounded memory, and scores it."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.owned import OwnedFolder
from firth.base.storage import storage_error
from firth.base.values import as_integer, validate_choice
from firth.corpus.counting import Progress
from firth.corpus.encode import encode_every_word
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.joining import IdPhrases, JoinedText, blocks_of, each_block
from firth.corpus.phrases import (
    DEFAULT_THRESHOLDS,
    PhrasePass,
    Phrases,
    as_connector_words,
    validate_phrase_settings,
)
from firth.corpus.tokenizers import TokenizerLike
from firth.errors import CorpusError, CorpusWarning, ParameterError
from firth.native.phrases import Candidates, Chains, IdText, PairCounter, closing_all, merge_pairs
from firth.native.stopping import Team
from firth.numerics.phrases import SCORINGS, Phrase, score_candidates

BUFFER_BYTES = 48 << 20  # of all threads: the keys that are sorted at once
MERGE_BYTES = 16 << 20  # of all threads: blocks of the runs that are merged
FAN_IN = 64  # runs of a thread that are merged to one
MAX_RUNS = 256  # of all threads, in the last merge
MIN_BUFFERED = 1 << 12  # keys
MIN_MERGED, MAX_MERGED = 1 << 10, 1 << 15  # keys of a run that are in memory while runs are merged
_NARROW_BITS = 62  # keys of more bits take 16 bytes: a bound on the sizes of buffers
MANY_PHRASES = 20  # if all of so many candidates are phrases, the threshold decides nothing


@dataclass(frozen=True)
class _Found:
    """What a pass without phrases tells its user."""

    n_distinct: int
    highest_count: int
    highest: Phrase
    highest_score: float


@dataclass(frozen=True)
class PhraseSettings:
    """How phrases are learned: the arguments of ``firth.learn_phrases``, checked."""

    min_count: int = 5
    threshold: float = DEFAULT_THRESHOLDS["word2vec"]
    scoring: str = "word2vec"
    connector_words: frozenset[str] = frozenset()
    passes: int = 1
    delimiter: str = "_"

    @classmethod
    def validated(
        cls,
        min_count: int = 5,
        threshold: float | None = None,
        scoring: str = "word2vec",
        connector_words: Iterable[str] | str = (),
        passes: int = 1,
        delimiter: str = "_",
    ) -> PhraseSettings:
        """Make the settings from arguments.

        Raises
        ------
        ParameterError
        """
        validate_choice("scoring", scoring, SCORINGS)
        threshold = DEFAULT_THRESHOLDS[scoring] if threshold is None else threshold
        validate_phrase_settings(scoring, threshold, min_count, delimiter)
        if scoring == "npmi" and not -1 <= threshold <= 1:
            raise ParameterError(f"threshold must be from -1 to 1 for scoring='npmi', got {threshold:g}")
        if scoring != "npmi" and threshold <= 0:
            raise ParameterError(f"threshold must be above 0 for scoring={scoring!r}, got {threshold:g}")
        return cls(
            int(min_count),
            float(threshold),
            scoring,
            as_connector_words(connector_words),
            as_integer("passes", passes, minimum=1),
            delimiter,
        )


def learn_phrases(
    corpus: Any,
    *,
    min_count: int = 5,
    threshold: float | None = None,
    scoring: str = "word2vec",
    connector_words: Iterable[str] | str = (),
    passes: int = 1,
    delimiter: str = "_",
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    as_text: bool = False,
    column: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Phrases:
    """Find the phrases of a corpus: words that occur together more often than their counts suggest.

    A candidate is a word and the next word of its sequence; between them may be connector words. Every candidate of
    every word is counted exactly, before rare words are dropped. A candidate with the count c(ab) is a phrase if its
    score is above the threshold:

    - ``scoring="word2vec"``: (c(ab) - min_count) N / (c(a) c(b)), N the number of words of the text, as word2phrase;
    - ``scoring="gensim"``: the same with V in place of N, the number of distinct words and of distinct candidates;
    - ``scoring="npmi"``: ln(p(ab) / (p(a) p(b))) / -ln p(ab), for candidates that occur ``min_count`` times.

    Parameters
    ----------
    corpus : as in ``firth.train``
        An encoded corpus must have every word: ``encode_corpus(..., min_count=1)``.
    min_count : int, at least 1
    threshold : float or None
        None: 100 for "word2vec", 10 for "gensim", 0.5 for "npmi". Above 0; for "npmi" from -1 to 1.
    scoring : {"word2vec", "gensim", "npmi"}
    connector_words : words, or "english"
        They may be inside of a phrase, and begin and end none: ``bank_of_america`` with "of".
        "english" is a list of 15 articles, prepositions and conjunctions.
    passes : int, at least 1
        After each pass its phrases are joined, and the next pass reads the joined text: two passes find phrases of up
        to four words. Learning ends after a pass without phrases.
    delimiter : str
        Between the words of a joined phrase. No word of the corpus may have it.
    lowercase, tokenizer, normalizer, encoding_errors, as_text, column : as in ``firth.train``
    threads : int, at least 1, or None for the cores available
        The table does not depend on it.
    progress : callable (stage, done, total), or None
        Called while the corpus is encoded.

    Returns
    -------
    Phrases

    Raises
    ------
    ParameterError, CorpusTypeError, CorpusError, EncodingError, StorageError
        Also if no candidate is a phrase, with the counts, and if a word has the delimiter.

    Examples
    --------
    >>> texts = [["in", "new", "york"], ["new", "york", "is"], ["a", "new", "day"]]
    >>> firth.learn_phrases(texts, min_count=1, threshold=1).scores
    {('new', 'york'): 1.5}
    """
    settings = PhraseSettings.validated(min_count, threshold, scoring, connector_words, passes, delimiter)
    threads = available_processors() if threads is None else as_integer("threads", threads, minimum=1)
    with OwnedFolder.temporary("to count phrases in") as folder:
        if isinstance(corpus, EncodedCorpus):
            validate_has_every_word(corpus)
            corpus.verify()
            encoded = corpus
        else:
            encoded = encode_every_word(
                corpus,
                folder=folder.path / "words",
                lowercase=lowercase,
                tokenizer=tokenizer,
                normalizer=normalizer,
                encoding_errors=encoding_errors,
                as_text=as_text,
                column=column,
                threads=threads,
                progress=progress,
            )
        phrases, _, _ = learn_and_join(encoded, settings, folder.path, threads, join_last=False)
    return phrases


def validate_has_every_word(corpus: EncodedCorpus) -> None:
    """Raise ParameterError if words were dropped when the corpus was encoded: their neighbours look adjacent."""
    if corpus.n_tokens != corpus.n_tokens_read:
        n_dropped = corpus.n_tokens_read - corpus.n_tokens
        raise ParameterError(
            f"corpus must have every word to find phrases in it, got an encoded corpus from which {n_dropped:,} of"
            f" {corpus.n_tokens_read:,} tokens were dropped; pass the text, or encode it with min_count=1"
        )


def learn_and_join(
    encoded: EncodedCorpus, settings: PhraseSettings, folder: Path, threads: int, *, join_last: bool = True
) -> tuple[Phrases, JoinedText, int]:
    """Learn the phrases of an encoded corpus, pass by pass.

    Parameters
    ----------
    encoded : EncodedCorpus
        With every word.
    folder : path
        Files of the passes are written into new folders inside.
    join_last : bool
        Whether the phrases of the last pass are joined too, for training.

    Returns
    -------
    phrases, text, n_joined
        The table, the joined text, and how many phrases were joined.
    """
    text = JoinedText.of(encoded, settings.delimiter)
    _validate_delimiter(text)
    passes: list[PhrasePass] = []
    n_all = 0
    for number in range(settings.passes):
        one, found, nothing = _learn_pass(text, settings, folder, threads)
        with contextlib.closing(found.chains):
            if not one.scores:
                if not passes:
                    raise CorpusError(_nothing_message(one, nothing, settings))
                break
            passes.append(one)
            if join_last or number + 1 < settings.passes:
                connectors = text.connectors(settings.connector_words)
                joined, n_joined = text.join(found, connectors, folder / f"pass-{number}", threads)
                if number:
                    shutil.rmtree(folder / f"pass-{number - 1}")
                text, n_all = joined, n_all + n_joined
    first = passes[0]
    if len(first.scores) == first.n_scored >= MANY_PHRASES:
        warnings.warn(
            f"threshold={settings.threshold:g} makes a phrase of each of the {first.n_scored:,} pairs that occur at"
            f" least min_count={settings.min_count} times; give a higher threshold",
            CorpusWarning,
            stacklevel=3,
        )
    table = Phrases(
        tuple(passes),
        settings.scoring,
        settings.threshold,
        settings.min_count,
        settings.delimiter,
        settings.connector_words,
    )
    return table, text, n_all


def _validate_delimiter(text: JoinedText) -> None:
    if text.ambiguous:
        n_words, shown = len(text.ambiguous), ", ".join(map(repr, itertools.islice(text.ambiguous, 3)))
        raise CorpusError(
            f"delimiter must be in no word of the corpus, got {text.delimiter!r}, which is in {n_words:,} of its"
            f" distinct words ({shown}{', ...' if n_words > 3 else ''}); pass another one, such as delimiter='~'"
        )


def _nothing_message(one: PhrasePass, found: _Found, settings: PhraseSettings) -> str:
    if not one.n_scored:
        return (
            f"min_count={settings.min_count} leaves no phrase: of {found.n_distinct:,} distinct pairs the most frequent"
            f" occurs {found.highest_count:,} time{'s' if found.highest_count != 1 else ''}; lower min_count, or give"
            " more text"
        )
    return (
        f"threshold={settings.threshold:g} leaves no phrase: of {one.n_scored:,} pairs that occur at least"
        f" min_count={settings.min_count} times the highest score is {found.highest_score:g}"
        f" ({' '.join(found.highest)!r}); give a lower threshold"
    )


def _learn_pass(
    text: JoinedText, settings: PhraseSettings, folder: Path, threads: int
) -> tuple[PhrasePass, IdPhrases, _Found]:
    connectors = text.connectors(settings.connector_words)
    chains = Chains()
    try:
        try:
            n_distinct, candidates, highest_count = _count(
                text, connectors, chains, settings.min_count, folder, threads
            )
        except OSError as error:
            raise storage_error(error, folder) from error
        first, chain, last, counts = candidates
        n_words = int(text.counts.sum())
        n_distinct_words = int(np.count_nonzero(text.counts if connectors is None else text.counts[connectors == 0]))
        scores = score_candidates(
            counts,
            text.counts[first],
            text.counts[last],
            scoring=settings.scoring,
            min_count=settings.min_count,
            n_words=n_words,
            n_vocabulary=n_distinct_words + n_distinct,
        )
        chain_ids = chains.to_lists()

        def words_of(places: NDArray[np.int64]) -> list[Phrase]:
            firsts, lasts = text.words_at(first[places]), text.words_at(last[places])
            used = np.unique(chain[places])
            inside = {number: tuple(text.words_at(np.array(chain_ids[number], np.int64))) for number in used.tolist()}
            numbers = chain[places].tolist()
            return [(a, *inside[number], b) for a, number, b in zip(firsts, numbers, lasts, strict=True)]

        kept = np.flatnonzero(scores > settings.threshold)
        words = words_of(kept)
        values = scores[kept].tolist()
        order = sorted(range(len(words)), key=lambda k: (-values[k], words[k]))
        kept = kept[order]
        table = {words[k]: values[k] for k in order}
        joined = [settings.delimiter.join(phrase) for phrase in table]
        found = IdPhrases(first[kept], chain[kept], last[kept], joined, chains, chain_ids)
        best = words_of(np.argmax(scores, keepdims=True))[0] if len(scores) and not table else ()
        nothing = _Found(n_distinct, highest_count, best, float(scores.max()) if len(scores) else 0.0)
        return PhrasePass(table, n_words, n_distinct_words + n_distinct, len(counts)), found, nothing
    except BaseException:
        chains.close()
        raise


def _count(
    text: JoinedText, connectors: NDArray[np.uint8] | None, chains: Chains, min_count: int, folder: Path, threads: int
) -> tuple[int, Candidates, int]:
    """Count the candidates of the training part: number of distinct ones, those of min_count, the highest count."""
    ids, offsets = text.training
    native = IdText(ids, offsets, connectors)
    blocks = blocks_of(len(ids), threads)
    n_workers = max(1, min(threads, len(blocks)))
    if connectors is not None:
        each_block(blocks, [lambda start, stop: chains.add_all(native, start, stop)] * n_workers, Team())
    is_wide = 2 * (text.n_ids - 1).bit_length() + len(chains).bit_length() > _NARROW_BITS
    n_buffered = max(MIN_BUFFERED, min(len(ids), BUFFER_BYTES // (n_workers * (32 if is_wide else 16))))
    with _counters(folder, n_workers, text.n_ids, len(chains), n_buffered) as counters:
        each_block(
            blocks,
            [lambda start, stop, own=own: own.count(native, chains, start, stop) for own in counters],  # type: ignore[misc]
            Team(),
        )
        n_runs = [0] * n_workers

        def finish(number: int) -> None:
            n_runs[number] = counters[number].finish(max(1, MAX_RUNS // n_workers))

        Team().run([lambda number=number: finish(number) for number in range(n_workers)])  # type: ignore[misc]
        n_block = max(MIN_MERGED, min(MAX_MERGED, MERGE_BYTES // (24 * n_workers * max(1, sum(n_runs)))))
        bounds = _even_bounds(text.counts, 4 * n_workers)
        results: dict[int, tuple[int, int, Candidates]] = {}
        each_block(
            list(itertools.pairwise(bounds)),
            [lambda first, stop: results.__setitem__(first, merge_pairs(counters, first, stop, min_count, n_block))]
            * n_workers,
            Team(),
        )
    ordered = [results[first] for first in sorted(results)]
    parts = [np.concatenate(arrays) for arrays in zip(*(candidates for _, _, candidates in ordered), strict=True)]
    return sum(n for n, _, _ in ordered), tuple(parts), max(highest for _, highest, _ in ordered)  # type: ignore[return-value]


def _even_bounds(counts: NDArray[np.int64], n_ranges: int) -> list[int]:
    """Bounds of ranges of words with about the same sum of counts, at least one word each, from 0 to V."""
    sums = np.cumsum(counts)
    inner = np.searchsorted(sums, sums[-1] * np.arange(1, n_ranges) // n_ranges, side="right")
    return sorted({0, len(counts), *inner.tolist()})


@contextlib.contextmanager
def _counters(folder: Path, n: int, n_words: int, n_chains: int, n_buffered: int) -> Iterator[list[PairCounter]]:
    """Counters with unnamed spool files, which the system deletes when they are closed."""
    with contextlib.ExitStack() as stack:
        try:
            files = [stack.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0)) for _ in range(n)]
        except OSError as error:
            raise storage_error(error, folder) from error
        counters = [PairCounter(file.fileno(), n_words, n_chains, n_buffered, FAN_IN) for file in files]
        stack.enter_context(closing_all(counters))
        yield counters
