"""Room corpus: a corpus of any kind becomes an encoded corpus on disk; the only place that reads what users pass.

Two passes, the second not over the text. Counting gives each distinct word an id in the order of first sight and spools
the ids of all tokens to unnamed temporary files. Then the vocabulary is chosen in Python: lower-casing, normalizer,
minimum count, order. Encoding looks the spooled ids up in an array and writes the result to its place. Plain files are
counted in chunks by all cores; whatever the number of threads and the size of the chunks, the files are the same byte
for byte, since ids go by count and word.

Tests: tests/corpus/test_text.py, tests/corpus/test_tokens.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.storage import storage_error
from firth.base.values import as_integer, is_number, validate_choice
from firth.corpus.choosing import NoKnownWordError, Transform, choose_vocabulary, hold_out, unseen_words
from firth.corpus.corpus_folder import new_corpus, old_corpus_bytes
from firth.corpus.counting import (
    BYTES_PER_COMPRESSED,
    SPOOL_TOKENS,
    Counted,
    Progress,
    Reporter,
    Spools,
    count_ids,
    count_texts,
    count_tokens,
    open_text,
    tokenize_lines,
)
from firth.corpus.encoded import (
    HELDOUT_IDS,
    HELDOUT_OFFSETS,
    IDS,
    OFFSETS,
    VOCABULARY,
    EncodedCorpus,
    write_manifest,
)
from firth.corpus.marks import count_glued_tokens, count_marked_tokens, drop_marks
from firth.corpus.sources import IdSequences, TextFile, TokenLists, classify_source
from firth.corpus.tables import resolve_tokenizer, split_text
from firth.corpus.vocabulary import Vocabulary, validate_cuts
from firth.errors import CorpusError, ParameterError, StorageError
from firth.native.stopping import POLL_S, Team
from firth.native.text import TextEncoder

CHUNK_BYTES = 1 << 20  # text that one thread takes at once; small against the memory, large against a call's cost
ENCODING_ERRORS = ("strict", "replace", "ignore")

_SAMPLE_BYTES = 1 << 16
_BYTES_PER_TOKEN = 5.0  # where it cannot be measured; English has 5.8


@dataclass(frozen=True)
class CorpusEstimate:
    """What encoding will need; an estimate from samples of the text.

    Attributes
    ----------
    n_tokens : tokens that will be read, or None for streams and one-shot iterables
    disk_bytes : free space that the folder needs while encoding, or None
    kept_bytes : what stays of it, at most, or None
    memory_bytes : memory that neither the vocabulary nor the words seen need
    """

    n_tokens: int | None
    disk_bytes: int | None
    kept_bytes: int | None
    memory_bytes: int


def encode_corpus(
    source: Any,
    *,
    folder: str | os.PathLike[str],
    min_count: int = 5,
    max_vocabulary: int | None = None,
    lowercase: bool = False,
    tokenizer: str | Callable[[str], Iterable[str]] | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    vocabulary: Vocabulary | None = None,
    heldout_share: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    as_text: bool = False,
) -> EncodedCorpus:
    """Read a corpus once and write it as ids of a vocabulary.

    Text is UTF-8, split at ASCII white space (space, ``\\t \\n \\v \\f \\r``); ``\\n`` ends a sequence, the end of a
    file too. A byte-order mark (U+FEFF) at the start of a file, a line or a word is no text and is dropped; files that
    were joined have some inside, and ``corpus.json`` counts these. Nothing is cut: a line may be as long as it likes.
    An empty string is no word and is dropped.

    Parameters
    ----------
    source : path, glob, ``"-"`` (standard input), binary file object, or a list of paths and globs; iterable of
        sequences of tokens (all strings or all integers), one-shot ones too; ``(ids, offsets)`` arrays; a column of
        texts or of lists (pandas, Polars, Arrow), a frame of one such column, or a frame whose columns are all integers
        Files may be compressed (gzip, bzip2, xz; zstd with the extra ``zstd``), told by their first bytes. A list of
        strings is paths, or texts where ``tokenizer`` is given; a column of strings is texts, a sequence each.
    folder : where the encoded corpus goes; made if it is missing; an encoded corpus in it is replaced in the end
    min_count : int, at least 1
        Words seen less often are dropped.
    max_vocabulary : int, at least 1, or None
        Only the most frequent words are kept, ties by the word.
    lowercase : bool
        ``str.lower`` of every word, before the normalizer.
    tokenizer : callable from a text (a line without its line end) to its tokens, ``"whitespace"``, or None
        Runs in Python, in one thread. ``"whitespace"`` splits as None does, and says that a list of strings is texts.
    normalizer : callable from a word to a word, or None
        Called once for each distinct word, after counting; ``""`` or ``None`` drops the word.
    encoding_errors : ``"strict"``, ``"replace"`` (by U+FFFD) or ``"ignore"``
    vocabulary : Vocabulary or None
        Given: its ids and counts are taken as they are; ``min_count`` and ``max_vocabulary`` play no part.
    heldout_share : float in (0, 1), or None
        Share of the sequences held out: those whose Philox draw (purpose 3, position = number of the sequence) is
        below it. They are not counted, and stand apart in the encoded corpus.
    seed : int in [0, 2^64); for the held-out share
    threads : int, at least 1, or None for the cores available
    progress : callable (stage, done, total), or None
    chunk_bytes : int, at least 1; text that a thread takes at once. The result does not depend on it.
    as_text : bool
        Take files that look like JSON, CSV, HTML, XML or vectors for plain text; they are refused otherwise.

    Returns
    -------
    EncodedCorpus

    Raises
    ------
    CorpusTypeError, CorpusError, EncodingError
        The source is no corpus, is empty or binary, or is not UTF-8.
    ParameterError
        A parameter is out of its range.
    StorageError
        A file cannot be read, the folder cannot be written, the disk is too small, or the folder holds files with the
        names of a corpus that firth did not write. Nothing half-written is left, and an old corpus stays as it is.
    """
    validate_cuts(min_count, max_vocabulary)
    threads = _n_threads(threads)
    threshold = _heldout_threshold(heldout_share, seed)
    validate_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    if chunk_bytes < 1:
        raise ParameterError(f"chunk_bytes must be at least 1, got {chunk_bytes}")
    split = resolve_tokenizer(tokenizer)
    if normalizer is not None and not callable(normalizer):
        raise ParameterError(f"normalizer must be callable or None, got {normalizer!r}")
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ParameterError(f"vocabulary must be a Vocabulary or None, got {type(vocabulary).__name__}")
    classified = classify_source(source, split, as_text=as_text)
    if split is not None and not isinstance(classified, list) and not getattr(classified, "is_tokenized", False):
        raise ParameterError("tokenizer must be None where the corpus is no text: its tokens are split already")

    n_marks = 0

    def count_mark() -> None:
        nonlocal n_marks
        n_marks += 1

    report = Reporter(progress)
    with new_corpus(Path(folder)) as work, contextlib.ExitStack() as stack:
        _require_space(_estimate(classified, threads, chunk_bytes, vocabulary), Path(folder))
        spools = Spools(work, stack)
        if isinstance(classified, IdSequences):
            counted = count_ids(classified, spools, report)
        elif isinstance(classified, TokenLists):
            counted = count_tokens(classified.sequences, spools, report)
        elif split is not None and split is not split_text:  # for white space there is the native counter
            counted = count_tokens(tokenize_lines(classified, split, encoding_errors, count_mark), spools, report)
        else:
            counted = count_texts(classified, spools, report, encoding_errors == "strict", threads, chunk_bytes, stack)
        if counted.n_tokens == 0:
            raise CorpusError(f"the corpus must have at least one word, got none in {_names(classified)}")
        counted, n_heldout_tokens, n_heldout_lines = hold_out(counted, threshold, seed)
        n_marked_tokens = n_mark_words = n_glued_tokens = 0
        if isinstance(classified, list) or getattr(classified, "is_tokenized", False):
            n_marked, n_mark_words = drop_marks(counted)
            n_marks += n_marked
            n_glued_tokens = count_glued_tokens(counted)
        else:  # tokens that the user made are taken as they are
            n_marked_tokens = count_marked_tokens(counted)
        transform = Transform(lowercase, normalizer, encoding_errors)
        chosen, id_map, n_distinct = choose_vocabulary(counted, transform, min_count, max_vocabulary, vocabulary)
        unseen = [] if vocabulary is None else unseen_words(vocabulary, counted, id_map).tolist()
        n_tokens = _write_ids(work, counted, id_map, threshold, seed, threads, report)
        if n_tokens == 0:
            raise NoKnownWordError(
                f"the corpus must have words of the given vocabulary, got none among its {counted.n_tokens:,} tokens"
                " (the vocabulary's first words: " + ", ".join(map(repr, chosen.first_words(5))) + ")"
            )
        chosen.save(work / VOCABULARY)
        stack.close()  # the spools are gone before checksums are made
        fields = {
            "n_tokens": n_tokens,
            "n_tokens_read": counted.n_tokens - n_heldout_tokens - n_mark_words,
            "n_sequences": counted.n_lines,
            "n_distinct_words": n_distinct,
            "vocabulary_size": len(chosen),
            "n_heldout_tokens_read": n_heldout_tokens,
            "n_byte_order_marks": n_marks,
            "n_marked_tokens": n_marked_tokens,
            "n_glued_tokens": n_glued_tokens,
            "n_words_unseen": len(unseen),
            "first_unseen_ids": unseen[:5],
            "n_heldout_sequences": n_heldout_lines,
            "settings": {
                "min_count": min_count,
                "max_vocabulary": max_vocabulary,
                "lowercase": lowercase,
                "tokenizer": _describe_callable(None if split is split_text else split),
                "normalizer": _describe_callable(normalizer),
                "encoding_errors": encoding_errors,
                "given_vocabulary": vocabulary is not None,
                "heldout_share": heldout_share,
                "heldout_seed": seed if heldout_share is not None else None,
            },
        }
        try:
            write_manifest(work, fields, threads=threads)
        except OSError as error:
            raise storage_error(error, work) from error
    return EncodedCorpus(folder)


def encode_with_vocabulary(
    source: Any, *, folder: str | os.PathLike[str], vocabulary: Vocabulary, **options: Any
) -> EncodedCorpus:
    """Encode a corpus, such as a held-out file, with the vocabulary of another one: its ids, its counts.

    Options and errors are those of ``encode_corpus``.
    """
    return encode_corpus(source, folder=folder, vocabulary=vocabulary, **options)


def estimate_corpus(
    source: Any,
    *,
    threads: int | None = None,
    tokenizer: str | Callable[[str], Iterable[str]] | None = None,
    as_text: bool = False,
) -> CorpusEstimate:
    """What encoding a corpus will need, before anything is allocated; files are sampled, iterables are not touched.

    Raises
    ------
    CorpusTypeError, CorpusError, StorageError
        As ``encode_corpus`` for a source that cannot be read.
    """
    classified = classify_source(source, resolve_tokenizer(tokenizer), as_text=as_text)
    return _estimate(classified, _n_threads(threads), CHUNK_BYTES, None)


def _write_ids(
    work: Path,
    counted: Counted,
    id_maps: list[NDArray[np.int32]],
    threshold: int,
    seed: int,
    threads: int,
    report: Reporter,
) -> int:
    """Write ids and offsets, each chunk to its place; returns how many training tokens were kept."""
    names = [IDS, OFFSETS] + ([HELDOUT_IDS, HELDOUT_OFFSETS] if threshold else [])
    team = Team()
    numbers = iter(range(len(counted.chunks)))
    lock = threading.Lock()
    turn = threading.Condition()
    bases = [0, 0, 0, 0]  # tokens, lines, held-out tokens, held-out lines before the chunk whose turn it is
    next_turn = 0
    done_tokens = 0

    with contextlib.ExitStack() as opened:
        files = [-1, -1, -1, -1]
        try:
            for position, name in enumerate(names):
                file = opened.enter_context(open(work / name, "wb", buffering=0))
                if name in (OFFSETS, HELDOUT_OFFSETS):
                    file.write(bytes(8))
                files[position] = file.fileno()
        except OSError as error:
            raise storage_error(error, work) from error

        def encode() -> None:
            nonlocal next_turn, done_tokens
            with contextlib.closing(TextEncoder(heldout_threshold=threshold, seed=seed)) as encoder:
                while not team.stop.is_set():
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    chunk, first_line = counted.chunks[number], counted.first_lines[number]
                    n_kept, n_heldout, n_heldout_lines = encoder.map_chunk(
                        counted.spools[chunk.counter], chunk.spooled, first_line, id_maps[chunk.counter]
                    )
                    with turn:
                        while next_turn != number:
                            turn.wait(POLL_S)
                            if team.stop.is_set():
                                return
                        here = list(bases)
                        bases[0] += n_kept
                        bases[1] += chunk.spooled.n_lines
                        bases[2] += n_heldout
                        bases[3] += n_heldout_lines
                        next_turn += 1
                        done_tokens += chunk.spooled.n_tokens
                        turn.notify_all()
                    encoder.write_chunk(files, here)

        n_workers = max(1, min(threads, len(counted.chunks)))
        try:
            team.run([encode] * n_workers, lambda: report("encode", done_tokens, counted.n_tokens))
        except OSError as error:
            raise storage_error(error, work) from error
    report("encode", counted.n_tokens, counted.n_tokens, force=True)
    return bases[0]


def _require_space(estimate: CorpusEstimate, folder: Path) -> None:
    if estimate.disk_bytes is None:
        return
    free = shutil.disk_usage(folder).free
    if free < estimate.disk_bytes:
        advice = "choose a folder on a larger disk"
        old = old_corpus_bytes(folder)
        if old:
            advice += f", or delete the corpus that is there, which has {old:,} bytes"
        raise StorageError(
            f"{folder}: encoding needs about {estimate.disk_bytes:,} bytes of disk, of which about"
            f" {estimate.kept_bytes:,} stay, but {free:,} are free; {advice}"
        )


def _estimate(
    classified: list[TextFile] | IdSequences | TokenLists, threads: int, chunk_bytes: int, vocabulary: Vocabulary | None
) -> CorpusEstimate:
    memory = 4 * chunk_bytes * threads + (8 << 20)  # buffers of each thread; numbers of a chunk in both passes
    if isinstance(classified, TokenLists):
        return CorpusEstimate(None, None, None, memory + 16 * SPOOL_TOKENS)
    if isinstance(classified, IdSequences):
        n_tokens, n_lines = len(classified.ids), len(classified.offsets)
        memory += 40 * SPOOL_TOKENS
    else:
        if any(text.n_bytes is None for text in classified):
            return CorpusEstimate(None, None, None, memory)
        n_bytes, tokens_a_byte, lines_a_byte = _measure(classified)
        n_tokens, n_lines = int(n_bytes * tokens_a_byte), int(n_bytes * lines_a_byte)
    kept = 4 * n_tokens + 8 * n_lines
    return CorpusEstimate(n_tokens, kept + 4 * n_tokens + 4 * n_lines, kept, memory)


def _measure(files: list[TextFile]) -> tuple[float, float, float]:
    """Bytes of text, and tokens and lines a byte in samples of the plain files (English where there are none)."""
    n_bytes = sum((text.n_bytes or 0) * (1.0 if text.kind == "plain" else BYTES_PER_COMPRESSED) for text in files)
    plain = [text for text in files if text.kind == "plain"]
    sampled = tokens = lines = 0
    for text in plain[:: max(1, len(plain) // 8)][:8]:
        size = text.n_bytes or 0
        with open(open_text(text), "rb", buffering=0) as file:
            for start in {0, max(0, size // 2 - _SAMPLE_BYTES), max(0, size - _SAMPLE_BYTES)}:
                file.seek(start)
                sample = file.read(_SAMPLE_BYTES)
                sampled += len(sample)
                tokens += len(sample.split())
                lines += sample.count(b"\n")
    if not sampled:
        return n_bytes, 1 / _BYTES_PER_TOKEN, 1 / 100
    return n_bytes, tokens / sampled, lines / sampled


def _n_threads(threads: int | None) -> int:
    return available_processors() if threads is None else as_integer("threads", threads, minimum=1)


def _heldout_threshold(share: float | None, seed: int) -> int:
    """A sequence is held out when its 32-bit draw is below this: ceil(share 2^32)."""
    as_integer("seed", seed, minimum=0, maximum=(1 << 64) - 1)
    if share is None:
        return 0
    if not is_number(share) or not 0 < share < 1:
        raise ParameterError(f"heldout_share must lie between 0 and 1, got {share!r}")
    return -int(-float(share) * 4294967296 // 1)


def _describe_callable(function: Callable[..., Any] | None) -> str | None:
    if function is None:
        return None
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def _names(classified: list[TextFile] | IdSequences | TokenLists) -> str:
    if isinstance(classified, list):
        shown = ", ".join(text.name for text in classified[:3])
        return shown + (f" and {len(classified) - 3} more files" if len(classified) > 3 else "")
    return "its sequences"


__all__ = [
    "CHUNK_BYTES",
    "ENCODING_ERRORS",
    "CorpusEstimate",
    "IdSequences",
    "encode_corpus",
    "encode_with_vocabulary",
    "estimate_corpus",
]
