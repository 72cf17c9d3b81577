"""Room tests/corpus: corpora of almost only new words: merging is linear and can be stopped; few bytes a word."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
from corpus_oracle import folder_bytes

from firth.corpus import encode_corpus
from firth.corpus.native_words import NativeWords
from firth.corpus.vocabulary import Vocabulary
from firth.errors import FormatError
from firth.native.loader import StoppedError
from firth.native.stopping import StopFlag
from firth.native.text import TextCounter, TextMerge, find_repeated_word, rank_words


def distinct_words(n_words: int, seed: int = 1) -> bytes:
    """Words of 5 to 24 letters, almost all distinct, a line end after each twentieth."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 10, n_words) + 15 * (rng.random(n_words) < 0.05)
    text = rng.integers(ord("a"), ord("z") + 1, int((lengths + 1).sum()), dtype=np.uint8)
    ends = np.cumsum(lengths + 1) - 1
    text[ends] = ord(" ")
    text[ends[19::20]] = ord("\n")
    return text.tobytes()


def merge_parts(stack: ExitStack, folder: Path, parts: list[bytes]) -> tuple[float, TextMerge]:
    """Counts each part with a counter of its own, and merges them: the seconds that merging took, and the merge."""
    counters = []
    for number, part in enumerate(parts):
        spool = stack.enter_context((folder / f"spool-{number}").open("wb", buffering=0))
        counter = stack.enter_context(closing(TextCounter(spool.fileno())))
        counter.begin_text()
        counter.feed(part, is_last=True, name="text")
        counter.finish()
        counters.append(counter)
    merge = stack.enter_context(closing(TextMerge(counters)))
    begun = time.thread_time()
    merge.work()
    return time.thread_time() - begun, merge


def test_merging_takes_linear_time(tmp_path: Path) -> None:
    """The words of a table come in the order of their hashes; in a table that is too small for them they pile up.

    Then eight times the words take sixty times as long.
    """

    def best_seconds(n_words: int) -> float:
        text = distinct_words(n_words)
        middle = text.index(b"\n", len(text) // 2) + 1
        times = []
        for _ in range(3):
            with ExitStack() as stack:
                times.append(merge_parts(stack, tmp_path, [text[:middle], text[middle:]])[0])
        return min(times)

    small, large = best_seconds(100_000), best_seconds(800_000)
    assert large < 8 * 4 * small + 0.1, (small, large)


def test_the_merged_words_are_those_of_all_counters(tmp_path: Path) -> None:
    parts = [distinct_words(3000, seed=1), distinct_words(2000, seed=2) + distinct_words(500, seed=1), b"", b"one"]
    expected: dict[bytes, int] = {}
    for part in parts:
        for word in part.split():
            expected[word] = expected.get(word, 0) + 1
    with ExitStack() as stack:
        _, merge = merge_parts(stack, tmp_path, parts)
        text, offsets, counts = merge.words()
        words = NativeWords(text, offsets)
        found = {words.encoded(number): int(counts[number]) for number in range(len(words))}
        assert len(found) == len(words)
        assert found == expected
        for part, id_map in zip(parts, merge.id_maps, strict=True):
            seen = dict.fromkeys(part.split())
            assert [words.encoded(number) for number in id_map.tolist()] == list(seen)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_do_not_change_a_byte_of_many_distinct_words(encode, threads: int) -> None:
    data = distinct_words(60_000) + distinct_words(20_000)
    reference = folder_bytes(encode(data, threads=1, min_count=1).folder)
    assert folder_bytes(encode(data, threads=threads, min_count=1, chunk_bytes=20_000).folder) == reference


def test_words_are_ranked_by_count_and_bytes() -> None:
    """Long lists are sorted byte by byte, short ones by comparing; words may be equal for long, or begin another."""
    rng = np.random.default_rng(4)
    stems = [b"", b"https://", b"https://a.example/of/", b"\xc3\xa9" * 9, b"x" * 30_000]
    words = list({stems[k % 5] + bytes(rng.integers(97, 101, int(rng.integers(1, 12)))) for k in range(9000)})
    words += [b"a\0", b"a\0\0", b"aaaaaaa\0"]
    text = np.frombuffer(b"".join(words), np.uint8)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    for counts in (np.ones(len(words), np.int64), rng.integers(1, 4, len(words)), rng.integers(1, 1 << 40, len(words))):
        for n_words in (len(words), 1000):
            ranked = rank_words(text, offsets, counts, np.arange(n_words))
            assert ranked.tolist() == sorted(range(n_words), key=lambda word: (-counts[word], words[word]))


def test_a_repeated_word_is_found_among_many() -> None:
    words = list(dict.fromkeys(distinct_words(20_000).split()))

    def find(words: list[bytes]) -> int | None:
        offsets = np.zeros(len(words) + 1, np.int64)
        np.cumsum([len(word) for word in words], out=offsets[1:])
        return find_repeated_word(np.frombuffer(b"".join(words), np.uint8), offsets)

    assert find(words) is None
    assert find([*words, words[77]]) == len(words)
    assert find([words[5], b"", *words]) == 7
    assert find([b"", b"a", b""]) == 2
    assert find([b""]) is None


def test_a_stopped_merge_ends(tmp_path: Path) -> None:
    flag = StopFlag()
    flag.set()
    with ExitStack() as stack, pytest.raises(StoppedError), flag.watched():
        merge_parts(stack, tmp_path, [b"a b", b"b c"])
    with ExitStack() as stack:  # the flag is no longer looked at
        merge_parts(stack, tmp_path, [b"a b", b"b c"])


def test_a_counted_vocabulary_makes_no_strings_until_asked(encode, tmp_path: Path) -> None:
    corpus = encode(distinct_words(2000), min_count=1)
    vocabulary = corpus.vocabulary
    assert "words" not in vars(vocabulary)
    assert repr(vocabulary).startswith(f"Vocabulary({len(vocabulary):,} words: '")
    vocabulary.save(tmp_path / "again.safetensors")
    assert Vocabulary.load(tmp_path / "again.safetensors") == vocabulary
    assert "words" not in vars(vocabulary)
    assert len(set(vocabulary.words)) == len(vocabulary)
    assert vocabulary.word_id(vocabulary.words[7]) == 7
    assert vocabulary == Vocabulary(vocabulary.words, vocabulary.counts)
    with pytest.raises(AttributeError, match="cannot be changed"):
        vocabulary.counts = np.ones(3, np.int64)


def test_a_vocabulary_file_with_a_word_twice_is_refused(tmp_path: Path) -> None:
    words = NativeWords(np.frombuffer(b"abcab", np.uint8), np.array([0, 2, 3, 5]))
    Vocabulary(words, np.ones(3, np.int64)).save(tmp_path / "twice.safetensors")
    with pytest.raises(FormatError, match="words must be distinct, got 'ab' more than once"):
        Vocabulary.load(tmp_path / "twice.safetensors")


def test_a_word_that_begins_inside_a_character_is_refused(tmp_path: Path) -> None:
    words = NativeWords(np.frombuffer("aé".encode(), np.uint8), np.array([0, 2, 3]))
    Vocabulary(words, np.ones(2, np.int64)).save(tmp_path / "cut.safetensors")
    with pytest.raises(ValueError, match="word_bytes is not UTF-8"):
        Vocabulary.load(tmp_path / "cut.safetensors")


def test_counting_takes_at_most_150_bytes_beside_each_word(tmp_path: Path) -> None:
    """Of 400,000 words, all new to two threads, at the highest point: tables, lists, sorting and the vocabulary."""
    text = tmp_path / "text"
    text.write_bytes(distinct_words(20_000, seed=9))
    encode_corpus(text, folder=tmp_path / "warm", min_count=1, threads=2)
    text.write_bytes(distinct_words(400_000))
    done, peak, start = threading.Event(), 0, anonymous_bytes()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous_bytes() - start)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        corpus = encode_corpus(text, folder=tmp_path / "corpus", min_count=1, threads=2)
        n_words = len(corpus.vocabulary)
    finally:
        done.set()
        sampler.join()
    buffers = 2 * (8 << 20)  # of the threads; they do not grow with the words
    assert peak - buffers < n_words * (150 + 7), peak / n_words


def anonymous_bytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("RssAnon")) * 1024
