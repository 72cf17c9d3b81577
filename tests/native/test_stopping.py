"""Native calls look at the stop flag of their thread, so that Ctrl-C ends them; training has a flag of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from firth.corpus.native_words import NativeWords
from firth.native import vector_sums, vector_text
from firth.native.kernel import Kernel
from firth.native.loader import StoppedError
from firth.native.stopping import StopFlag, Team, run_stoppable
from firth.native.text import CountedChunk, TextCounter, TextEncoder, TextMerge


def make_calls(folder: Path) -> dict[str, Callable[[], object]]:
    words = NativeWords(np.frombuffer(b"abc", np.uint8), np.arange(4))
    (folder / "text").write_bytes(b"a b c")
    (folder / "spool").write_bytes(np.zeros(3, np.int32).tobytes())
    matrix = np.ones((1, 2), np.float32)
    binary = bytearray(b"a " + matrix.tobytes())

    def with_counter(use: Callable[[TextCounter, int], object]) -> None:
        with (
            (folder / "text").open("rb") as file,
            (folder / "written").open("wb") as spool,
            closing(TextCounter(spool.fileno())) as counter,
        ):
            use(counter, file.fileno())

    def count(counter: TextCounter, file: int) -> None:
        counter.count_range(file, 0, 5, is_last=True, name="text")

    def merge(counter: TextCounter, _: int) -> None:
        counter.finish()
        with closing(TextMerge([counter])) as merge:
            merge.work()

    def encode(use: Callable[[TextEncoder, int], object]) -> None:
        with (folder / "spool").open("rb") as spool, closing(TextEncoder()) as encoder:
            use(encoder, spool.fileno())

    chunk, id_map, counts = CountedChunk(0, 3, 0), np.zeros(1, np.int32), np.full(1, 3)
    return {
        "count_range": lambda: with_counter(count),
        "feed": lambda: with_counter(lambda counter, _: counter.feed(b"a b", is_last=True, name="")),
        "merge": lambda: with_counter(merge),
        "map_chunk": lambda: encode(lambda encoder, spool: encoder.map_chunk(spool, chunk, 0, id_map)),
        "uncount": lambda: encode(lambda encoder, spool: encoder.uncount_heldout(spool, chunk, 0, id_map, counts)),
        "rank": lambda: words.rank(np.ones(3, np.int64), np.arange(3)),
        "join": lambda: words.take(np.arange(3)),
        "find_repeated": words.find_repeated,
        "parse_text": lambda: vector_text.parse_text_rows(bytearray(b"a 1 2\n"), 0, 6, 1, matrix, bytearray(9), 99),
        "scan_binary": lambda: vector_text.scan_binary_rows(binary, 0, len(binary), 1, 2, bytearray(9), 99),
        "gather_binary": lambda: vector_text.gather_binary_rows(binary, 0, np.array([2]), matrix),
        "format_text": lambda: vector_text.format_text_rows(matrix, b"a\n", b" ", False, bytearray()),
        "pack_binary": lambda: vector_text.pack_binary_rows(matrix, b"a\n", False, bytearray()),
        "hash_words": lambda: vector_text.hash_words(bytearray(b"a\n"), 2, 1),
        "may_repeat": lambda: vector_text.may_repeat(np.arange(3, dtype=np.uint64)),
        "sum_rows": lambda: vector_sums.sum_rows(matrix, np.array([0]), np.array([0, 1]), None, normalize=False),
        "fasttext": lambda: vector_text.compute_fasttext_vectors(
            words.word_bytes, words.offsets, 0, 1, matrix.view(np.uint8).reshape(-1), 1,
            n_vocabulary=1, n_buckets=0, min_chars=0, max_chars=0, end_has_ngrams=False, out=matrix,
        ),
        "initial_vectors": lambda: Kernel(None).initial_vectors(1, np.zeros((1, 16), np.float32), 4),
    }  # fmt: skip


def test_native_calls_look_at_the_stop_flag(tmp_path: Path) -> None:
    calls = make_calls(tmp_path)
    for call in calls.values():
        call()
    stopped: list[str] = []

    def work() -> None:  # in the main thread some calls would run in a thread of their own
        flag = StopFlag()
        flag.set()
        with flag.watched():
            for name, call in calls.items():
                try:
                    call()
                except StoppedError:
                    stopped.append(name)
        for call in calls.values():  # the flag is no longer looked at
            call()
        stopped.append("and went on")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert stopped == [*calls, "and went on"]


def test_ctrl_c_stops_a_native_call_and_waits_for_its_end() -> None:
    """What interrupts the wait sets the flag that the call looks at."""
    words = NativeWords(np.frombuffer(b"ab", np.uint8), np.arange(3))
    begun, ended = threading.Event(), []

    def call() -> None:
        begun.set()
        try:
            while True:
                words.find_repeated()
        except StoppedError:
            ended.append("stopped")
            raise

    def interrupt() -> None:
        if begun.is_set():
            raise KeyboardInterrupt

    n_threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        Team().run([call], interrupt)
    assert ended == ["stopped"]
    assert threading.active_count() == n_threads


def test_a_stoppable_call_gives_its_result_or_its_error() -> None:
    assert run_stoppable(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_stoppable(lambda: 1 // 0)
