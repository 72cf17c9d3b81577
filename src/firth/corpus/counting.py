"""Room corpus: counts words. Each distinct word gets an id at its first occurrence; the ids of all tokens are spooled.

The input is files, iterables of tokens or arrays of ids. The output is a ``Counted``.

Tests: tests/corpus/test_text.py.
"""

from __future__ import annotations

import array
import contextlib
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.base.storage import storage_error
from firth.corpus.native_words import NativeWords
from firth.corpus.paths import skip_empty
from firth.corpus.recognise import strip_marks
from firth.corpus.sources import IdSequences, string_message, tokens_of
from firth.corpus.table_text import BATCH_BYTES, Batch
from firth.corpus.tables import validated_tokens
from firth.corpus.text_files import TextFile
from firth.corpus.walks import Walks
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FirthError, StorageError
from firth.native.stopping import POLL_S, Team
from firth.native.text import CountedChunk, TextCounter, TextMerge

SPOOL_TOKENS = 1 << 20  # tokens of an iterable that are written to the spool at once
_UNKNOWN_TASKS = 1 << 20  # more than threads
BYTES_PER_COMPRESSED = 5.0  # bytes of text for each byte of a compressed file; text compresses four- to fivefold


# Called in the caller's thread with the stage ("count" or "encode"), the amount done, and the total (None: unknown).
# The unit is bytes for counting files, and tokens for all else. An exception that it raises stops the encoding.
Progress = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True)
class SpooledChunk:
    order: tuple[int, int]  # number of the file, number of the chunk in the file
    counter: int  # the counter whose spool has the chunk, and whose ids the chunk uses
    spooled: CountedChunk


@dataclass
class Counted:
    """Distinct words with their counts, and the positions of the chunks of tokens in the spools.

    ``id_maps[counter]`` turns a spooled id into the number of a distinct word.
    """

    words: NativeWords | list[str] | NDArray[np.int64]
    counts: NDArray[np.int64]
    chunks: list[SpooledChunk]
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


class Spools:
    """Unnamed temporary files in the work folder. The system deletes one when it is closed or the process ends."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def new(self) -> IO[bytes]:
        try:
            return self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder, buffering=0))
        except OSError as error:
            raise storage_error(error, self._folder) from error


class Reporter:
    """Calls the progress function, at most once in POLL_S seconds."""

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


@dataclass(frozen=True)
class _Task:
    """The work of one thread at a time: a chunk of a plain file, a batch of a table, or a whole compressed file."""

    order: tuple[int, int]
    text: TextFile
    start: int = 0
    stop: int = 0
    batch: Batch | None = None


def count_texts(
    files: list[TextFile],
    spools: Spools,
    report: Reporter,
    validate: bool,
    threads: int,
    chunk_bytes: int,
    stack: contextlib.ExitStack,
) -> Counted:
    """Count the words of files with all threads. Pipes are read first, in this thread, so that Ctrl-C ends a wait."""
    n_workers = min(threads, sum(_n_tasks(text, chunk_bytes) for text in files))
    spool_files = [spools.new() for _ in range(n_workers)]
    counters = [
        stack.enter_context(contextlib.closing(TextCounter(spool.fileno(), validate=validate))) for spool in spool_files
    ]
    total = None if any(text.n_bytes is None for text in files) else sum(text.n_bytes or 0 for text in files)
    chunks: list[SpooledChunk] = []
    done_bytes = [0] * n_workers
    empty: list[str] = []  # compressed files, and streams
    team = Team()

    def count_stream(worker: int, order: int, text: TextFile, poll: Callable[[], None]) -> None:
        counter = counters[worker]
        counter.begin_text()
        blocks = text.blocks()
        share = 0.0
        block = next(blocks, None)
        if block is None:
            empty.append(text.name)
            return
        for number in itertools.count():
            following = next(blocks, None)
            spooled = counter.feed(block, is_last=following is None, name=text.name)
            chunks.append(SpooledChunk((order, number), worker, spooled))
            if text.n_bytes is None:
                done_bytes[worker] += len(block)
            else:  # progress counts bytes on disk; for a compressed file the bytes read so far are estimated
                packed = 1.0 if text.kind in ("stream", "table") else BYTES_PER_COMPRESSED
                grown = min(len(block) / packed, max(0.0, text.n_bytes - share))
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
                    try:
                        task = next(tasks, None)
                    except Exception as error:  # a table is read under the lock
                        team.fail((len(files), 0), error)
                        return
                if task is None:
                    return
                try:
                    if task.batch is not None:
                        chunks.append(SpooledChunk(task.order, worker, task.batch.count(counters[worker])))
                        done_bytes[worker] += task.batch.n_read
                        continue
                    if task.text.kind != "plain":
                        count_stream(worker, task.order[0], task.text, lambda: None)
                        continue
                    if task.text.name != open_name:
                        opened.close()
                        descriptor = open_text(task.text)
                        opened.callback(os.close, descriptor)
                        open_name = task.text.name
                    is_last = task.stop == task.text.n_bytes
                    spooled = counters[worker].count_range(
                        descriptor, task.start, task.stop, is_last=is_last, name=task.text.name
                    )
                    chunks.append(SpooledChunk(task.order, worker, spooled))
                    done_bytes[worker] += task.stop - task.start
                except Exception as error:
                    team.fail(task.order, error)
                    return

    if any(not text.may_block for text in files):
        team.run([lambda worker=worker: work(worker) for worker in range(n_workers)], tell)  # type: ignore[misc]
    skip_empty(sorted(empty), len(files))
    report("count", sum(done_bytes) if total is None else total, total, force=True)
    return _merge_counters(counters, chunks, [spool.fileno() for spool in spool_files], tell)


def _merge_counters(
    counters: list[TextCounter], chunks: list[SpooledChunk], spools: list[int], report: Callable[[], None]
) -> Counted:
    for counter in counters:
        counter.finish()
    with contextlib.closing(TextMerge(counters)) as merge:
        Team().run([merge.work] * len(counters), report)
        text, offsets, counts = merge.words()
    for counter in counters:
        counter.close()
    return Counted(NativeWords(text, offsets), counts, chunks, spools, merge.id_maps)


def _n_tasks(text: TextFile, chunk_bytes: int) -> int:
    if text.batched is not None and not text.may_block:
        n_bytes = text.batched.n_bytes
        return _UNKNOWN_TASKS if n_bytes is None else 1 + n_bytes // BATCH_BYTES
    return -(-(text.n_bytes or 0) // chunk_bytes) if text.kind == "plain" else 1


def _tasks(files: list[TextFile], chunk_bytes: int) -> Iterator[_Task]:
    for order, text in enumerate(files):
        if text.may_block:
            continue
        if text.batched is not None:
            for number, batch in enumerate(text.batched.batches()):
                yield _Task((order, number), text, batch=batch)
            continue
        if text.kind != "plain":
            yield _Task((order, 0), text)
            continue
        size = text.n_bytes or 0
        for number, start in enumerate(range(0, size, chunk_bytes)):
            yield _Task((order, number), text, start, min(start + chunk_bytes, size))


def open_text(text: TextFile) -> int:
    assert text.path is not None
    try:
        return os.open(text.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise StorageError(f"{text.name}: cannot be read: {error.strerror or error}") from error


def tokenize_lines(
    files: list[TextFile],
    tokenizer: Callable[[str], Iterable[str]],
    encoding_errors: str,
    count_mark: Callable[[], None],
) -> Iterator[Iterable[str]]:
    """Yield the tokens of each line, from the user's tokenizer.

    A byte-order mark at the start of a line is removed, and ``count_mark`` is called.
    """
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
                    plain = strip_marks(line)
                    if len(plain) < len(line):
                        count_mark()
                    decoded = plain.removesuffix(b"\r").decode("utf-8", encoding_errors)
                except UnicodeDecodeError as error:
                    raise EncodingError(
                        f"{text.name}: byte 0x{line[error.start]:02x} at offset {offset + error.start:,} of the text is"
                        ' not UTF-8; convert the text (iconv -f latin1 -t utf-8), or pass encoding_errors="replace"'
                    ) from None
                yield validated_tokens(tokenizer(decoded), decoded)
                offset += len(line) + 1


class _TokenIds(dict[Any, int]):
    """Ids of tokens in the order of their first occurrence. A token is validated only at its first occurrence."""

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
                raise CorpusTypeError(f"tokens must fit in 64 bits if they are integers, got {key}")
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
        hint = "; the sequences are nested one level too deep: a corpus is [[token, ...], ...]"
    elif isinstance(token, bytes):
        hint = "; use token.decode('utf-8')"
    else:
        hint = "; use str(token)"
    return f"tokens must be strings (or integers), got {token!r:.60} ({kind}){hint}"


def count_tokens(sequences: Iterable[Any], spools: Spools, report: Reporter) -> Counted:
    """Count the tokens of an iterable of sequences. The iterable is read once."""
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
                    if str(error).startswith(f"sequence {number} "):
                        raise
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
    return Counted(words, spool.counts(len(ids)), spool.chunks, [spool_file.fileno()], [_identity(len(ids))])


def _raise_if_unhashable(sequence: Any, number: int, error: TypeError) -> None:
    """Raise CorpusTypeError if a token cannot be hashed, such as a list. Any other TypeError is left to the caller."""
    if not str(error).startswith(("unhashable type", "cannot use")):
        return
    for token in sequence if isinstance(sequence, (list, tuple)) else ():
        try:
            hash(token)
        except TypeError:
            raise CorpusTypeError(f"sequence {number}: {_token_message(token)}") from None
    raise CorpusTypeError(f"sequence {number}: tokens must be strings (or integers): {error}") from None


class _TokenSpool:
    """Writes ids and line ends in the layout of the native counter's spool, and counts the ids."""

    def __init__(self, file: IO[bytes]) -> None:
        self.ids = array.array("i")
        self.line_ends: list[int] = []
        self.chunks: list[SpooledChunk] = []
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
            raise storage_error(error, None) from error
        spooled = CountedChunk(self._offset, len(ids), len(line_ends))
        self.chunks.append(SpooledChunk((0, len(self.chunks)), 0, spooled))
        self._offset += len(data)
        self.n_tokens += len(ids)

    def counts(self, n_words: int) -> NDArray[np.int64]:
        counts = np.zeros(n_words, np.int64)
        counts[: min(n_words, len(self._counts))] = self._counts[:n_words]
        return counts


def count_ids(source: IdSequences, spools: Spools, report: Reporter) -> Counted:
    """Count the ids of an array, block by block. The words are the distinct ids in ascending order."""
    n_tokens, n_sequences = len(source.ids), len(source.offsets) - 1
    distinct = np.empty(0, np.int64)
    for start in range(0, n_tokens, SPOOL_TOKENS):
        block = np.unique(_id_block(source.ids, start))
        places = np.searchsorted(distinct, block)
        is_new = distinct.take(places, mode="clip") != block if len(distinct) else np.ones(len(block), np.bool_)
        if is_new.any():
            distinct = np.sort(np.concatenate([distinct, block[is_new]]), kind="stable")
        report("count", start // 2, n_tokens)
    spool_file = spools.new()
    spool = _TokenSpool(spool_file)
    line = 0  # number of sequences whose end was written
    for start in range(0, max(n_tokens, 1), SPOOL_TOKENS):
        stop = min(start + SPOOL_TOKENS, n_tokens)
        ids = np.searchsorted(distinct, _id_block(source.ids, start)).astype(np.int32)
        # The end of a sequence belongs to the block with its last token; so do the ends of empty sequences after it.
        next_line = int(np.searchsorted(source.offsets[1:], stop, side="right"))
        ends = np.asarray(source.offsets[1 + line : 1 + next_line]).astype(np.int64) - start
        spool.write(ids, ends.astype(np.uint32))
        line = next_line
        report("count", (n_tokens + stop) // 2, n_tokens)
    assert line == n_sequences
    report("count", n_tokens, n_tokens, force=True)
    return Counted(
        distinct, spool.counts(len(distinct)), spool.chunks, [spool_file.fileno()], [_identity(len(distinct))]
    )


def count_walks(source: Walks, spools: Spools, report: Reporter, threads: int) -> Counted:
    """Draw random walks and count their nodes, block by block. The words are the nodes that occur, in their order."""
    n_walks, walk_length = source.shape
    spool_file = spools.new()
    spool = _TokenSpool(spool_file)
    for numbers, lengths in source.blocks(threads=threads):
        spool.write(numbers, np.cumsum(lengths).astype(np.uint32))
        report("count", spool.n_tokens, n_walks * walk_length)
    report("count", spool.n_tokens, spool.n_tokens, force=True)
    counts = spool.counts(len(source.nodes))
    occurs = counts > 0
    word_ids = (np.cumsum(occurs) - 1).astype(np.int32)  # of the nodes that occur; no token has another
    nodes = source.nodes
    words = (
        [node for node, kept in zip(nodes, occurs, strict=True) if kept] if isinstance(nodes, list) else nodes[occurs]
    )
    return Counted(words, counts[occurs], spool.chunks, [spool_file.fileno()], [word_ids])


def _id_block(ids: NDArray[Any], start: int) -> NDArray[np.int64]:
    block = np.asarray(ids[start : start + SPOOL_TOKENS])
    if block.dtype == np.uint64 and block.size and int(block.max()) > np.iinfo(np.int64).max:
        raise CorpusTypeError(f"ids must be below 2^63, got {int(block.max())}")
    return block.astype(np.int64)


def _identity(n: int) -> NDArray[np.int32]:
    return np.arange(n, dtype=np.int32)
