"""Room corpus: a corpus of any kind becomes an encoded corpus on disk; the only place that reads what users pass.

Two passes, the second not over the text. Counting gives each distinct word an id in the order of first sight and spools
the ids of all tokens to unnamed temporary files. Then the vocabulary is chosen in Python: lower-casing, normalizer,
minimum count, order. Encoding looks the spooled ids up in an array and writes the result to its place. Plain files are
counted in chunks by all cores; whatever the number of threads and the size of the chunks, the files are the same byte
for byte, since ids go by count and word.
"""

from __future__ import annotations

import array
import contextlib
import itertools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import (
    HELDOUT_IDS,
    HELDOUT_OFFSETS,
    IDS,
    MANIFEST,
    OFFSETS,
    VOCABULARY,
    EncodedCorpus,
    write_manifest,
)
from firth.corpus.sources import (
    IdSequences,
    TextFile,
    TokenLists,
    classify_source,
    string_message,
    tokens_of,
)
from firth.corpus.vocabulary import Vocabulary, encode_words, validate_cuts
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FirthError, ParameterError, StorageError
from firth.native.text import CountedChunk, TextCounter, TextEncoder, join_words, rank_words

CHUNK_BYTES = 1 << 20  # text that one thread takes at once; small against the memory, large against a call's cost
SPOOL_TOKENS = 1 << 20  # tokens of an iterable spooled at once
ENCODING_ERRORS = ("strict", "replace", "ignore")
POLL_S = 0.05  # how often progress is told and Ctrl-C is looked for

# Called in the caller's thread with the stage ("count", "encode"), what is done of it, and the whole (None: unknown).
# Counting files goes by bytes, counting anything else by tokens, encoding by tokens. What it raises stops the encoding.
Progress = Callable[[str, int, "int | None"], None]

_SAMPLE_BYTES = 1 << 16
_BYTES_PER_COMPRESSED = 5.0  # text shrinks to a quarter or a fifth
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
    tokenizer: Callable[[str], Iterable[str]] | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    vocabulary: Vocabulary | None = None,
    heldout_share: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> EncodedCorpus:
    """Read a corpus once and write it as ids of a vocabulary.

    Text is UTF-8, split at ASCII white space (space, ``\\t \\n \\v \\f \\r``); ``\\n`` ends a sequence, the end of a
    file too. A byte-order mark at the start of a file is skipped. Nothing is cut: a line may be as long as it likes. An
    empty string is no word and is dropped.

    Parameters
    ----------
    source : path, glob, ``"-"`` (standard input), binary file object, or a list of paths and globs; iterable of
        sequences of tokens (all strings or all integers), one-shot ones too; ``(ids, offsets)`` arrays
        Files may be compressed (gzip, bzip2, xz; zstd with the extra ``zstd``), told by their first bytes.
    folder : where the encoded corpus goes; made if it is missing, an encoded corpus in it is replaced
    min_count : int, at least 1
        Words seen less often are dropped.
    max_vocabulary : int, at least 1, or None
        Only the most frequent words are kept, ties by the word.
    lowercase : bool
        ``str.lower`` of every word, before the normalizer.
    tokenizer : callable from a line (str, without its line end) to its tokens, or None
        Runs in Python, in one thread.
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
        A file cannot be read, the folder cannot be written, or the disk is too small. Nothing half-written is left.
    """
    validate_cuts(min_count, max_vocabulary)
    threads = _validate_threads(threads)
    threshold = _heldout_threshold(heldout_share, seed)
    if encoding_errors not in ENCODING_ERRORS:
        raise ParameterError(f"encoding_errors must be one of {', '.join(ENCODING_ERRORS)}, got {encoding_errors!r}")
    if chunk_bytes < 1:
        raise ParameterError(f"chunk_bytes must be at least 1, got {chunk_bytes}")
    for name, function in (("tokenizer", tokenizer), ("normalizer", normalizer)):
        if function is not None and not callable(function):
            raise ParameterError(f"{name} must be callable or None, got {function!r}")
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ParameterError(f"vocabulary must be a Vocabulary or None, got {type(vocabulary).__name__}")
    classified = classify_source(source)
    if tokenizer is not None and not isinstance(classified, list):
        raise ParameterError("tokenizer must be None where the corpus is no text: its tokens are split already")

    report = _Reporter(progress)
    with _fresh_folder(Path(folder)) as work, contextlib.ExitStack() as stack:
        _require_space(_estimate(classified, threads, chunk_bytes, vocabulary), work)
        spools = _Spools(work, stack)
        if isinstance(classified, IdSequences):
            counted = _count_ids(classified, spools, report)
        elif isinstance(classified, TokenLists):
            counted = _count_tokens(classified.sequences, spools, report)
        elif tokenizer is not None:
            counted = _count_tokens(_tokenized(classified, tokenizer, encoding_errors), spools, report)
        else:
            counted = _count_texts(classified, spools, report, encoding_errors == "strict", threads, chunk_bytes, stack)
        if counted.n_tokens == 0:
            raise CorpusError(f"the corpus must have at least one word, got none in {_names(classified)}")
        counted, n_heldout_tokens, n_heldout_lines = _hold_out(counted, threshold, seed)
        transform = _Transform(lowercase, normalizer, encoding_errors)
        chosen, id_map, n_distinct = _choose_vocabulary(counted, transform, min_count, max_vocabulary, vocabulary)
        n_tokens = _write_ids(work, counted, id_map, threshold, seed, threads, report)
        if n_tokens == 0:
            raise CorpusError(
                f"the corpus must have words of the given vocabulary, got none among its {counted.n_tokens:,} tokens"
                " (the vocabulary's first words: " + ", ".join(map(repr, chosen.word_list()[:5])) + ")"
            )
        chosen.save(work / VOCABULARY)
        stack.close()  # the spools are gone before checksums are made
        fields = {
            "n_tokens": n_tokens,
            "n_tokens_read": counted.n_tokens - n_heldout_tokens,
            "n_sequences": counted.n_lines,
            "n_distinct_words": n_distinct,
            "vocabulary_size": len(chosen),
            "n_heldout_tokens_read": n_heldout_tokens,
            "n_heldout_sequences": n_heldout_lines,
            "settings": {
                "min_count": min_count,
                "max_vocabulary": max_vocabulary,
                "lowercase": lowercase,
                "tokenizer": _describe_callable(tokenizer),
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
            raise _storage_error(error, work) from error
    return EncodedCorpus(folder)


def encode_with_vocabulary(
    source: Any, *, folder: str | os.PathLike[str], vocabulary: Vocabulary, **options: Any
) -> EncodedCorpus:
    """Encode a corpus, such as a held-out file, with the vocabulary of another one: its ids, its counts.

    Options and errors are those of ``encode_corpus``.
    """
    return encode_corpus(source, folder=folder, vocabulary=vocabulary, **options)


def estimate_corpus(source: Any, *, threads: int | None = None) -> CorpusEstimate:
    """What encoding a corpus will need, before anything is allocated; files are sampled, iterables are not touched.

    Raises
    ------
    CorpusTypeError, CorpusError, StorageError
        As ``encode_corpus`` for a source that cannot be read.
    """
    return _estimate(classify_source(source), _validate_threads(threads), CHUNK_BYTES, None)


# ---------------------------------------------------------------------------------------------------------------------
# What counting leaves


@dataclass(frozen=True)
class _NativeWords:
    """Distinct words as the native core keeps them: bytes one after the other, and offsets."""

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]


@dataclass(frozen=True)
class _SpooledChunk:
    order: tuple[int, int]  # number of the file, place in the file
    counter: int  # whose spool it stands in, whose ids it has
    spooled: CountedChunk


@dataclass
class _Counted:
    """Distinct words with their counts, and where the tokens are spooled.

    ``id_maps[counter]`` turns a spooled id into the number of a distinct word.
    """

    words: _NativeWords | list[str] | NDArray[np.int64]
    counts: NDArray[np.int64]
    chunks: list[_SpooledChunk]
    spools: list[int]
    id_maps: list[NDArray[np.int32]]
    n_tokens: int = field(init=False)
    n_lines: int = field(init=False)
    first_lines: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.chunks.sort(key=lambda chunk: chunk.order)
        self.n_tokens = sum(chunk.spooled.n_tokens for chunk in self.chunks)
        starts = list(itertools.accumulate((chunk.spooled.n_lines for chunk in self.chunks), initial=0))
        self.first_lines, self.n_lines = starts[:-1], starts[-1]


class _Spools:
    """Unnamed temporary files in the work folder: gone when closed, also when the process is killed."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def new(self) -> IO[bytes]:
        try:
            return self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder, buffering=0))
        except OSError as error:
            raise _storage_error(error, self._folder) from error


class _Reporter:
    """Passes progress on, at most every POLL_S."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int | None, *, force: bool = False) -> None:
        if self._progress is None:
            return
        now = time.monotonic()
        if force or now - self._last >= POLL_S:
            self._last = now
            self._progress(stage, done, total)


class _Team:
    """Runs workers in threads while the caller's thread tells progress and takes Ctrl-C."""

    def __init__(self) -> None:
        self.stop = threading.Event()  # workers end after the chunk that they are at
        self._errors: list[tuple[tuple[int, ...], BaseException]] = []

    def run(self, workers: Sequence[Callable[[], None]], poll: Callable[[], None]) -> None:
        """Returns when all workers have; the first error in the corpus's order is raised."""
        threads = [threading.Thread(target=self._guarded, args=(worker,), daemon=True) for worker in workers]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(POLL_S)
                    poll()
        finally:
            self.stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        if self._errors:
            raise min(self._errors, key=lambda error: error[0])[1]

    def fail(self, order: tuple[int, ...], error: BaseException) -> None:
        self._errors.append((order, error))
        self.stop.set()

    def _guarded(self, worker: Callable[[], None]) -> None:
        try:
            worker()
        except BaseException as error:
            self.fail((1 << 62,), error)


# ---------------------------------------------------------------------------------------------------------------------
# Counting


@dataclass(frozen=True)
class _Task:
    """A chunk of a plain file, or a whole compressed one."""

    order: tuple[int, int]
    text: TextFile
    start: int = 0
    stop: int = 0


def _count_texts(
    files: list[TextFile],
    spools: _Spools,
    report: _Reporter,
    validate: bool,
    threads: int,
    chunk_bytes: int,
    stack: contextlib.ExitStack,
) -> _Counted:
    """Count plain and compressed files by all threads; pipes first and in this thread, where Ctrl-C ends a wait."""
    n_workers = min(threads, sum(_n_tasks(text, chunk_bytes) for text in files))
    spool_files = [spools.new() for _ in range(n_workers)]
    counters = [
        stack.enter_context(contextlib.closing(TextCounter(spool.fileno(), validate=validate))) for spool in spool_files
    ]
    total = None if any(text.n_bytes is None for text in files) else sum(text.n_bytes or 0 for text in files)
    chunks: list[_SpooledChunk] = []
    done_bytes = [0] * n_workers
    team = _Team()

    def count_stream(worker: int, order: int, text: TextFile, poll: Callable[[], None]) -> None:
        counter = counters[worker]
        counter.begin_text()
        blocks = text.blocks()
        share = 0.0
        block = next(blocks, None)
        if block is None:
            raise CorpusError(f"{text.name} is empty")
        for number in itertools.count():
            following = next(blocks, None)
            spooled = counter.feed(block, is_last=following is None, name=text.name)
            chunks.append(_SpooledChunk((order, number), worker, spooled))
            if text.n_bytes is None:
                done_bytes[worker] += len(block)
            else:  # the size on disk is what counts; how much of it was read is not known, so it is guessed
                grown = min(len(block) / _BYTES_PER_COMPRESSED, max(0.0, text.n_bytes - share))
                share += grown
                done_bytes[worker] += int(grown)
            poll()
            if following is None or team.stop.is_set():
                return
            block = following

    def tell() -> None:
        report("count", sum(done_bytes), total)

    for order, text in enumerate(files):
        if text.may_block:
            count_stream(0, order, text, tell)

    tasks = _tasks(files, chunk_bytes)
    lock = threading.Lock()

    def work(worker: int) -> None:
        with contextlib.ExitStack() as opened:
            open_name, descriptor = "", -1
            while not team.stop.is_set():
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                try:
                    if task.text.kind != "plain":
                        count_stream(worker, task.order[0], task.text, lambda: None)
                        continue
                    if task.text.name != open_name:
                        opened.close()
                        descriptor = _open_text(task.text)
                        opened.callback(os.close, descriptor)
                        open_name = task.text.name
                    is_last = task.stop == task.text.n_bytes
                    spooled = counters[worker].count_range(
                        descriptor, task.start, task.stop, is_last=is_last, name=task.text.name
                    )
                    chunks.append(_SpooledChunk(task.order, worker, spooled))
                    done_bytes[worker] += task.stop - task.start
                except Exception as error:
                    team.fail(task.order, error)
                    return

    if any(not text.may_block for text in files):
        team.run([lambda worker=worker: work(worker) for worker in range(n_workers)], tell)  # type: ignore[misc]
    report("count", sum(done_bytes) if total is None else total, total, force=True)
    return _merge_counters(counters, chunks, [spool.fileno() for spool in spool_files])


def _merge_counters(counters: list[TextCounter], chunks: list[_SpooledChunk], spools: list[int]) -> _Counted:
    for counter in counters:
        counter.finish()
    first = counters[0]
    id_maps = [np.arange(first.n_words, dtype=np.int32)]
    for counter in counters[1:]:
        id_maps.append(first.merge(counter))
        counter.close()
    text, offsets, counts = first.words()
    first.close()
    return _Counted(_NativeWords(text, offsets), counts, chunks, spools, id_maps)


def _n_tasks(text: TextFile, chunk_bytes: int) -> int:
    return -(-(text.n_bytes or 0) // chunk_bytes) if text.kind == "plain" else 1


def _tasks(files: list[TextFile], chunk_bytes: int) -> Iterator[_Task]:
    for order, text in enumerate(files):
        if text.may_block:
            continue
        if text.kind != "plain":
            yield _Task((order, 0), text)
            continue
        size = text.n_bytes or 0
        for number, start in enumerate(range(0, size, chunk_bytes)):
            yield _Task((order, number), text, start, min(start + chunk_bytes, size))


def _open_text(text: TextFile) -> int:
    assert text.path is not None
    try:
        return os.open(text.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise StorageError(f"{text.name}: cannot be read: {error.strerror or error}") from error


def _tokenized(
    files: list[TextFile], tokenizer: Callable[[str], Iterable[str]], encoding_errors: str
) -> Iterator[Iterable[str]]:
    """The tokens of each line, by the user's tokenizer."""
    for text in files:
        offset = 0
        rest: list[bytes] = []
        for block in itertools.chain(text.blocks(), [None]):
            if block is None:
                lines = [b"".join(rest)] if any(rest) else []
            else:
                *lines, tail = block.split(b"\n")
                if lines:
                    lines[0] = b"".join([*rest, lines[0]])
                    rest = []
                rest.append(tail)
            for line in lines:
                if b"\0" in line:
                    raise CorpusError(
                        f"{text.name}: a NUL byte at offset {offset + line.index(0):,} of the text: this is binary"
                        " data or UTF-16, not UTF-8 text"
                    )
                try:
                    decoded = line.removesuffix(b"\r").decode("utf-8", encoding_errors)
                except UnicodeDecodeError as error:
                    raise EncodingError(
                        f"{text.name}: byte 0x{line[error.start]:02x} at offset {offset + error.start:,} of the text is"
                        ' not UTF-8; convert the text (iconv -f latin1 -t utf-8), or pass encoding_errors="replace"'
                    ) from None
                tokens = tokenizer(decoded)
                if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
                    raise CorpusTypeError(
                        f"tokenizer must return a list of tokens, got {tokens!r:.60} for the line {decoded!r:.60}"
                    )
                yield tokens
                offset += len(line) + 1


class _TokenIds(dict[Any, int]):
    """Ids of tokens in the order of first sight; a token is looked at only when it is new."""

    def __init__(self) -> None:
        super().__init__()
        self.kind: type | None = None

    def __missing__(self, token: Any) -> int:
        if isinstance(token, str):
            kind: type = str
            key: Any = token if type(token) is str else str.__str__(token)
        elif isinstance(token, (int, np.integer)) and not isinstance(token, (bool, np.bool_)):
            kind, key = int, int(token)
            if not -(1 << 63) <= key < 1 << 63:
                raise CorpusTypeError(f"tokens must fit in 64 bits where they are integers, got {key}")
        else:
            raise CorpusTypeError(_token_message(token))
        if self.kind is None:
            self.kind = kind
        if kind is not self.kind:
            raise CorpusTypeError(f"tokens must be all strings or all integers, got {next(iter(self))!r} and {token!r}")
        token_id = len(self)
        self[key] = token_id
        return token_id


def _token_message(token: object) -> str:
    kind = type(token).__name__
    if isinstance(token, (list, tuple, np.ndarray)):
        hint = "; the sequences are nested once too often: a corpus is [[token, ...], ...]"
    elif isinstance(token, bytes):
        hint = "; use token.decode('utf-8')"
    else:
        hint = "; use str(token)"
    return f"tokens must be strings (or integers), got {token!r:.60} ({kind}){hint}"


def _count_tokens(sequences: Iterable[Any], spools: _Spools, report: _Reporter) -> _Counted:
    """Count the tokens of any iterable, which is read once."""
    spool_file = spools.new()
    spool = _TokenSpool(spool_file)
    ids = _TokenIds()
    look_up = ids.__getitem__
    try:
        iterator = iter(sequences)
    except TypeError:
        raise CorpusTypeError(f"corpus must be an iterable of token lists, got {type(sequences).__name__}") from None
    for number, sequence in enumerate(iterator):
        if isinstance(sequence, str):
            raise CorpusTypeError(string_message(sequence, f"sequence {number}"))
        tokens = iter(tokens_of(sequence, number))
        while True:
            block = itertools.islice(tokens, SPOOL_TOKENS)
            before = spool.n_pending
            try:
                spool.ids.extend(map(look_up, block))
            except TypeError as error:
                if isinstance(error, FirthError):
                    raise type(error)(f"sequence {number}: {error}") from None
                _raise_if_unhashable(sequence, number, error)
                raise
            if spool.n_pending - before < SPOOL_TOKENS:
                break
            spool.flush()
        spool.line_ends.append(spool.n_pending)
        if spool.n_pending >= SPOOL_TOKENS or len(spool.line_ends) >= SPOOL_TOKENS:
            spool.flush()
            report("count", spool.n_tokens, None)
    spool.flush()
    report("count", spool.n_tokens, None, force=True)
    words: list[str] | NDArray[np.int64]
    words = np.fromiter(ids, np.int64, len(ids)) if ids.kind is int else list(ids)
    return _Counted(words, spool.counts(len(ids)), spool.chunks, [spool_file.fileno()], [_identity(len(ids))])


def _raise_if_unhashable(sequence: Any, number: int, error: TypeError) -> None:
    """A token that cannot be hashed, such as a list, is the user's; other TypeErrors are a generator's own."""
    if not str(error).startswith(("unhashable type", "cannot use")):
        return
    for token in sequence if isinstance(sequence, (list, tuple)) else ():
        try:
            hash(token)
        except TypeError:
            raise CorpusTypeError(f"sequence {number}: {_token_message(token)}") from None
    raise CorpusTypeError(f"sequence {number}: tokens must be strings (or integers): {error}") from None


class _TokenSpool:
    """Ids and line ends in the layout of the native counter's spool, and their counts."""

    def __init__(self, file: IO[bytes]) -> None:
        self.ids = array.array("i")
        self.line_ends: list[int] = []
        self.chunks: list[_SpooledChunk] = []
        self.n_tokens = 0
        self._file = file
        self._offset = 0
        self._counts = np.zeros(1 << 10, np.int64)

    @property
    def n_pending(self) -> int:
        return len(self.ids)

    def flush(self) -> None:
        if not self.ids and not self.line_ends:
            return
        self.write(np.frombuffer(self.ids, np.int32), np.array(self.line_ends, np.uint32))
        self.ids = array.array("i")
        self.line_ends = []

    def write(self, ids: NDArray[np.int32], line_ends: NDArray[np.uint32]) -> None:
        counts = np.bincount(ids) if len(ids) else np.zeros(0, np.int64)
        if len(counts) > len(self._counts):
            grown = np.zeros(max(len(counts), 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        self._counts[: len(counts)] += counts
        data = ids.tobytes() + line_ends.tobytes()
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _storage_error(error, None) from error
        spooled = CountedChunk(self._offset, len(ids), len(line_ends))
        self.chunks.append(_SpooledChunk((0, len(self.chunks)), 0, spooled))
        self._offset += len(data)
        self.n_tokens += len(ids)

    def counts(self, n_words: int) -> NDArray[np.int64]:
        counts = np.zeros(n_words, np.int64)
        counts[: min(n_words, len(self._counts))] = self._counts[:n_words]
        return counts


def _count_ids(source: IdSequences, spools: _Spools, report: _Reporter) -> _Counted:
    """Count the ids of arrays block by block; distinct ids in rising order are the words."""
    n_tokens, n_sequences = len(source.ids), len(source.offsets) - 1
    distinct = np.empty(0, np.int64)
    for start in range(0, n_tokens, SPOOL_TOKENS):
        distinct = np.union1d(distinct, _id_block(source.ids, start))
        report("count", start // 2, n_tokens)
    spool_file = spools.new()
    spool = _TokenSpool(spool_file)
    line = 0  # sequences whose end was written
    for start in range(0, max(n_tokens, 1), SPOOL_TOKENS):
        stop = min(start + SPOOL_TOKENS, n_tokens)
        ids = np.searchsorted(distinct, _id_block(source.ids, start)).astype(np.int32)
        # A sequence ends in the block that has its last token; so do the empty ones behind it.
        next_line = int(np.searchsorted(source.offsets[1:], stop, side="right"))
        ends = np.asarray(source.offsets[1 + line : 1 + next_line]).astype(np.int64) - start
        spool.write(ids, ends.astype(np.uint32))
        line = next_line
        report("count", (n_tokens + stop) // 2, n_tokens)
    assert line == n_sequences
    report("count", n_tokens, n_tokens, force=True)
    return _Counted(
        distinct, spool.counts(len(distinct)), spool.chunks, [spool_file.fileno()], [_identity(len(distinct))]
    )


def _id_block(ids: NDArray[Any], start: int) -> NDArray[np.int64]:
    block = np.asarray(ids[start : start + SPOOL_TOKENS])
    if block.dtype == np.uint64 and block.size and int(block.max()) > np.iinfo(np.int64).max:
        raise CorpusTypeError(f"ids must be below 2^63, got {int(block.max())}")
    return block.astype(np.int64)


def _identity(n: int) -> NDArray[np.int32]:
    return np.arange(n, dtype=np.int32)


# ---------------------------------------------------------------------------------------------------------------------
# Choosing


def _hold_out(counted: _Counted, threshold: int, seed: int) -> tuple[_Counted, int, int]:
    """Take the held-out sequences out of the counts: (counted, tokens held out, sequences held out)."""
    if threshold == 0:
        return counted, 0, 0
    n_tokens = n_lines = 0
    with contextlib.closing(TextEncoder(heldout_threshold=threshold, seed=seed)) as encoder:
        for chunk, first_line in zip(counted.chunks, counted.first_lines, strict=True):
            tokens, lines = encoder.uncount_heldout(
                counted.spools[chunk.counter],
                chunk.spooled,
                first_line,
                counted.id_maps[chunk.counter],
                counted.counts,
            )
            n_tokens += tokens
            n_lines += lines
    if n_tokens == counted.n_tokens:
        raise CorpusError(
            f"heldout_share must leave something to train on; all {n_tokens:,} tokens are in the {n_lines:,} of"
            f" {counted.n_lines:,} sequences that are held out (a share goes by whole sequences: split the text into"
            " lines, or hold out a file)"
        )
    if n_tokens == 0:
        raise CorpusError(
            f"heldout_share must hold out at least one word, got {n_lines} of {counted.n_lines:,} sequences and no"
            " word; use a larger share, split the text into more lines, or hold out a file"
        )
    return counted, n_tokens, n_lines


@dataclass(frozen=True)
class _Transform:
    """What is done to distinct words after counting."""

    lowercase: bool
    normalizer: Callable[[str], str | None] | None
    encoding_errors: str

    @property
    def changes_words(self) -> bool:
        return self.lowercase or self.normalizer is not None

    def __call__(self, word: str) -> str:
        if self.lowercase:
            word = word.lower()
        if self.normalizer is not None and word:
            normalized = self.normalizer(word)
            if normalized is None:
                return ""
            if not isinstance(normalized, str):
                raise CorpusTypeError(
                    f"normalizer must return a string or None, got {normalized!r:.60} for {word!r:.60}"
                )
            return str.__str__(normalized)
        return word


def _choose_vocabulary(
    counted: _Counted,
    transform: _Transform,
    min_count: int,
    max_vocabulary: int | None,
    vocabulary: Vocabulary | None,
) -> tuple[Vocabulary, list[NDArray[np.int32]], int]:
    """The vocabulary; for each counter the map from spooled ids to its ids (-1: dropped); how many words were seen."""
    words, counts = counted.words, counted.counts
    merged_ids: NDArray[np.int32] | None = None
    if isinstance(words, np.ndarray):
        if transform.changes_words:
            raise ParameterError("lowercase and normalizer must be unset where the words are integers")
    else:
        changes = transform.changes_words or (isinstance(words, _NativeWords) and transform.encoding_errors != "strict")
        if vocabulary is not None and not changes:
            words = _decode(words, "strict")
        if changes:
            words, counts, merged_ids = _merge_words(_decode(words, transform.encoding_errors), counts, transform)
    n_distinct = int(np.count_nonzero(counts))
    if vocabulary is not None:
        chosen = vocabulary
        if vocabulary.words_are_ids != isinstance(words, np.ndarray):
            raise CorpusTypeError(
                f"vocabulary must have {'integers' if isinstance(words, np.ndarray) else 'strings'} for words, as the"
                f" corpus has, got {vocabulary!r}"
            )
        assert not isinstance(words, _NativeWords)
        id_map = vocabulary.look_up(words.tolist() if isinstance(words, np.ndarray) else words)
    else:
        ranked = _rank(words, counts, min_count, max_vocabulary)
        chosen = Vocabulary(_take_words(words, ranked), counts[ranked])
        id_map = np.full(len(counts), -1, np.int32)
        id_map[ranked] = np.arange(len(ranked), dtype=np.int32)
    if merged_ids is not None:
        id_map = np.where(merged_ids >= 0, id_map[merged_ids], np.int32(-1)) if len(id_map) else merged_ids
    return chosen, [np.ascontiguousarray(id_map[distinct], np.int32) for distinct in counted.id_maps], n_distinct


def _decode(words: _NativeWords | list[str], encoding_errors: str) -> list[str]:
    """All distinct words as strings. None has a line end in it, so one decoding does for all."""
    if isinstance(words, list):
        return words
    everything = np.arange(len(words.offsets) - 1, dtype=np.int64)
    return join_words(words.text, words.offsets, everything).decode("utf-8", encoding_errors).split("\n")[:-1]


def _merge_words(
    words: list[str], counts: NDArray[np.int64], transform: _Transform
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int32]]:
    """Words that become the same are counted together; the map says which word each becomes, -1 for none."""
    merged: dict[str, int] = {}
    merged_ids = np.empty(len(words), np.int32)
    for word_id, word in enumerate(words):
        changed = transform(word)
        merged_ids[word_id] = merged.setdefault(changed, len(merged)) if changed else -1
    merged_counts = np.zeros(len(merged), np.int64)
    kept = merged_ids >= 0
    np.add.at(merged_counts, merged_ids[kept], counts[kept])
    return list(merged), merged_counts, merged_ids


def _rank(
    words: _NativeWords | list[str] | NDArray[np.int64],
    counts: NDArray[np.int64],
    min_count: int,
    max_vocabulary: int | None,
) -> NDArray[np.int64]:
    """Numbers of the words that are kept, in the order of their new ids."""
    kept = np.flatnonzero(counts >= min_count)
    if isinstance(words, list):  # an empty string is no word
        kept = kept[np.fromiter((words[number] != "" for number in kept.tolist()), np.bool_, len(kept))]
    if not len(kept):
        raise CorpusError(_nothing_left_message(words, counts, min_count))
    if max_vocabulary is not None and len(kept) > max_vocabulary:
        lowest = np.partition(counts[kept], len(kept) - max_vocabulary)[len(kept) - max_vocabulary]
        kept = kept[counts[kept] >= lowest]
    if isinstance(words, np.ndarray):
        return kept[np.lexsort((words[kept], -counts[kept]))][:max_vocabulary]
    if isinstance(words, list):
        encoded = [encode_words(words[number]) for number in kept.tolist()]
        text = np.frombuffer(b"".join(encoded), np.uint8)
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        order = rank_words(text, offsets, np.ascontiguousarray(counts[kept]), np.arange(len(kept), dtype=np.int64))
        return kept[order][:max_vocabulary]
    return rank_words(words.text, words.offsets, counts, kept)[:max_vocabulary]


def _take_words(
    words: _NativeWords | list[str] | NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[str, ...] | NDArray[np.int64]:
    if isinstance(words, np.ndarray):
        return words[numbers]
    if isinstance(words, list):
        return tuple(words[number] for number in numbers.tolist())
    return tuple(join_words(words.text, words.offsets, numbers).decode().split("\n")[:-1])


def _nothing_left_message(
    words: _NativeWords | list[str] | NDArray[np.int64], counts: NDArray[np.int64], min_count: int
) -> str:
    if not len(counts) or not counts.max():
        return "the vocabulary must have at least one word, got none: every word was dropped (is it the normalizer?)"
    first = int(np.argmax(counts))
    if isinstance(words, list) and words[first] == "":
        counts = counts.copy()
        counts[first] = 0
        return _nothing_left_message(words, counts, min_count)
    n_seen, highest = int(np.count_nonzero(counts)), int(counts.max())
    word = _take_words(words, np.array([first], np.int64))[0]
    return (
        f"min_count={min_count} leaves no word: {n_seen:,} distinct words were seen among {int(counts.sum()):,} tokens,"
        f" the most frequent, {word if isinstance(words, np.ndarray) else repr(word)}, {highest:,}"
        f" time{'s' if highest > 1 else ''}; min_count={highest} or less would work, or more text"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Encoding


def _write_ids(
    work: Path,
    counted: _Counted,
    id_maps: list[NDArray[np.int32]],
    threshold: int,
    seed: int,
    threads: int,
    report: _Reporter,
) -> int:
    """Write ids and offsets, each chunk to its place; returns how many training tokens were kept."""
    names = [IDS, OFFSETS] + ([HELDOUT_IDS, HELDOUT_OFFSETS] if threshold else [])
    team = _Team()
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
            raise _storage_error(error, work) from error

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
            raise _storage_error(error, work) from error
    report("encode", counted.n_tokens, counted.n_tokens, force=True)
    return bases[0]


# ---------------------------------------------------------------------------------------------------------------------
# Folder and space


@contextlib.contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """The folder, without an encoded corpus in it; what was written is removed when the block fails."""
    names = (MANIFEST, MANIFEST + ".part", IDS, OFFSETS, HELDOUT_IDS, HELDOUT_OFFSETS, VOCABULARY, VOCABULARY + ".part")
    made: list[Path] = []

    def clear() -> None:
        for name in names:  # the manifest first: without it the folder is no corpus
            (folder / name).unlink(missing_ok=True)

    try:
        missing = folder
        while not missing.exists() and missing != missing.parent:
            made.append(missing)
            missing = missing.parent
        folder.mkdir(parents=True, exist_ok=True)
        clear()
    except OSError as error:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise _storage_error(error, folder) from error
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            clear()
            for path in made:
                path.rmdir()
        raise


def _storage_error(error: OSError, folder: Path | None) -> StorageError:
    if isinstance(error, StorageError):
        text = str(error)
        if "No space left" in text:
            text += _free_text(folder)
        return type(error)(text)
    place = f"{folder}: " if folder is not None else ""
    text = f"{place}cannot be written: {error.strerror or error}"
    return StorageError(text + (_free_text(folder) if "No space left" in text else ""))


def _free_text(folder: Path | None) -> str:
    return (
        "" if folder is None else f"; {shutil.disk_usage(folder).free:,} bytes are free in {folder}; nothing was kept"
    )


def _require_space(estimate: CorpusEstimate, folder: Path) -> None:
    if estimate.disk_bytes is None:
        return
    free = shutil.disk_usage(folder).free
    if free < estimate.disk_bytes:
        raise StorageError(
            f"{folder}: encoding needs about {estimate.disk_bytes:,} bytes of disk, of which about"
            f" {estimate.kept_bytes:,} stay, but {free:,} are free; choose a folder on a larger disk"
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
    n_bytes = sum((text.n_bytes or 0) * (1.0 if text.kind == "plain" else _BYTES_PER_COMPRESSED) for text in files)
    plain = [text for text in files if text.kind == "plain"]
    sampled = tokens = lines = 0
    for text in plain[:: max(1, len(plain) // 8)][:8]:
        size = text.n_bytes or 0
        with open(_open_text(text), "rb", buffering=0) as file:
            for start in {0, max(0, size // 2 - _SAMPLE_BYTES), max(0, size - _SAMPLE_BYTES)}:
                file.seek(start)
                sample = file.read(_SAMPLE_BYTES)
                sampled += len(sample)
                tokens += len(sample.split())
                lines += sample.count(b"\n")
    if not sampled:
        return n_bytes, 1 / _BYTES_PER_TOKEN, 1 / 100
    return n_bytes, tokens / sampled, lines / sampled


# ---------------------------------------------------------------------------------------------------------------------
# Small helpers


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _validate_threads(threads: int | None) -> int:
    if threads is None:
        return available_cores()
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)):
        raise ParameterError(f"threads must be an integer or None, got {threads!r}")
    if threads < 1:
        raise ParameterError(f"threads must be at least 1, got {threads}")
    return int(threads)


def _heldout_threshold(share: float | None, seed: int) -> int:
    """A sequence is held out when its 32-bit draw is below this: ceil(share 2^32)."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 1 << 64:
        raise ParameterError(f"seed must be an integer in [0, 2^64), got {seed!r}")
    if share is None:
        return 0
    if isinstance(share, bool) or not isinstance(share, (int, float, np.number)) or not 0 < share < 1:
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
    "available_cores",
    "encode_corpus",
    "encode_with_vocabulary",
    "estimate_corpus",
]
