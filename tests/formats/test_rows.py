"""Rows that go through in blocks: what stands across the border of two, what is wrong deep inside, repeated words."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import vector_file_makers as makers
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import FormatError
from firth.formats import row_writing, rows
from firth.formats.registry import read_vectors
from firth.native import vector_text

N_WORDS, N_DIMS = 3000, 5
NAN = struct.pack("<f", float("nan"))


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Blocks so small that a file has many and that no row keeps its place in them."""
    for module in (rows, row_writing):
        monkeypatch.setattr(module, "BLOCK_BYTES", 4096)
        monkeypatch.setattr(module, "BINARY_BLOCK_BYTES", 4096)
    monkeypatch.setattr(rows, "MAX_WORD_BYTES", 300)
    return int(request.param)


def vectors() -> list[tuple[str, list[float]]]:
    numbers = np.random.default_rng(3).normal(size=(N_WORDS, N_DIMS)).astype(np.float32)
    lengths = np.random.default_rng(4).integers(0, 290, N_WORDS)
    return [(f"{i}é"[: lengths[i] + 8] + "x" * lengths[i], row.tolist()) for i, row in enumerate(numbers)]


def row_starts(data: bytes, newline: bool) -> list[int]:
    """Where each row's word begins."""
    starts, at = [], data.index(b"\n") + 1
    while at < len(data):
        starts.append(at)
        at = data.index(b" ", at) + 1 + 4 * N_DIMS + newline
    return starts


@pytest.mark.parametrize("newline", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_rows_across_blocks(newline: bool, packed: bool, threads: int, tmp_path: Path) -> None:
    expected = vectors()
    data = makers.binary(expected, newline)
    (tmp_path / "f").write_bytes(gzip.compress(data, 1) if packed else data)
    found = read_vectors(tmp_path / "f", "word2vec-binary", threads=threads)
    assert found.words == [word for word, _ in expected]
    assert np.array_equal(found.matrix, np.array([row for _, row in expected], dtype=np.float32))


@pytest.mark.parametrize("where", [0, 1, 20, 1500, N_WORDS - 1])
@pytest.mark.parametrize("newline", [True, False])
def test_the_first_wrong_row_is_named(where: int, newline: bool, threads: int, tmp_path: Path) -> None:
    data = makers.binary(vectors(), newline)
    starts = row_starts(data, newline)
    start, path = starts[where], tmp_path / "f"
    numbers = data.index(b" ", start) + 1
    later = starts[(where + N_WORDS) // 2]

    def refuse(content: bytes, message: str, offset: int) -> None:
        path.write_bytes(content)
        with pytest.raises(FormatError, match=rf"row {where + 1} \(byte {offset}\): {message}"):
            read_vectors(path, "word2vec-binary", threads=threads)

    bad = data[: numbers + 8] + NAN + data[numbers + 12 :]
    if later > numbers:  # a second fault, behind the first, in another block or the same
        bad = bad[:later] + b" " + bad[later + 1 :]
    refuse(bad, f"dimension 3 of {N_DIMS} must be a finite float32", numbers + 8)
    refuse(data[:start] + b" " + data[start + 1 :], "a row must begin with a word", start)
    refuse(data[:start] + b"y" * 301 + data[start:], "a word must have at most 300 bytes", start)
    refuse(data[: start + 1] + b"\n" + data[start + 2 :], "a word must not have a line break", start)
    refuse(data[:start] + b"\xff" + data[start + 1 :], "the word .* is not valid UTF-8", start)
    # compressed, as a plain file's size gives a cut away; the newline before the row is cut with it
    began = start - (newline and where > 0)
    cut = gzip.compress(data[: numbers + 3], 1)
    refuse(cut, f"the header announces {N_WORDS} rows, the file ends after {where}", began)


def test_newlines_before_a_word_are_skipped(threads: int, tmp_path: Path) -> None:
    expected = vectors()
    data = makers.binary(expected)
    starts = row_starts(data, True)
    parts = [data[: starts[0]]]
    for row, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True)):
        parts.append(b"\n" * (row % 4) + data[start:end])
    (tmp_path / "f").write_bytes(b"".join(parts))
    found = read_vectors(tmp_path / "f", "word2vec-binary", threads=threads)
    assert found.words == [word for word, _ in expected]
    assert np.array_equal(found.matrix, np.array([row for _, row in expected], dtype=np.float32))
    for many, message in ((b"\n" * 200, "a row must begin with a word"), (b"\n" * 400, "a word must have at most")):
        (tmp_path / "f").write_bytes(data[: starts[0]] + many + b" " + data[starts[0] :])
        with pytest.raises(FormatError, match=rf"row 1 .*{message}"):
            read_vectors(tmp_path / "f", "word2vec-binary", threads=threads)


def test_what_follows_the_limit_is_not_looked_at(threads: int, tmp_path: Path) -> None:
    expected = vectors()
    data = makers.binary(expected)
    behind = row_starts(data, True)[2000]
    damaged = bytearray(gzip.compress(data[:behind], 1) + gzip.compress(data[behind:], 1))
    damaged[-9] ^= 0xFF
    for content in (data[:behind] + b"\0" * (len(data) - behind), bytes(damaged)):
        (tmp_path / "f").write_bytes(content)
        for limit in (1, 20, 1999, 2000):
            found = read_vectors(tmp_path / "f", "word2vec-binary", threads=threads, limit=limit)
            assert found.words == [word for word, _ in expected[:limit]]
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "f", "word2vec-binary", threads=threads)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
@pytest.mark.parametrize(("earlier", "later"), [(0, 1), (0, N_WORDS - 1), (700, 2100)])
def test_a_word_that_stands_twice(format: str, earlier: int, later: int, threads: int, tmp_path: Path) -> None:
    table = vectors()
    table[later] = (table[earlier][0], table[later][1])
    data = makers.binary(table) if format == "word2vec-binary" else makers.text(table, header=format == "word2vec")
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(FormatError, match=f"row {later + 1}: the word .* is in row {earlier + 1} too"):
        read_vectors(tmp_path / "f", format, threads=threads)
    found = read_vectors(tmp_path / "f", format, threads=threads, duplicates="first")
    assert found.words == [word for row, (word, _) in enumerate(table) if row != later]


def test_words_of_different_bytes_can_be_equal(tmp_path: Path) -> None:
    """In UTF-7 +AGE- is a too."""
    (tmp_path / "f").write_bytes(b"2 1\na 1\n+AGE- 2\n")
    assert read_vectors(tmp_path / "f", "word2vec").words == ["a", "+AGE-"]
    with pytest.raises(FormatError, match="row 2: the word 'a' is in row 1"):
        read_vectors(tmp_path / "f", "word2vec", encoding="utf-7")


def hashes_of(words: list[bytes]) -> np.ndarray:  # type: ignore[type-arg]
    data = bytearray(b"".join(word + b"\n" for word in words))  # nothing follows the last word
    return vector_text.hash_words(data, len(data), len(words))


@given(st.lists(st.binary(max_size=70).map(lambda word: word.replace(b"\n", b"")), max_size=50))
def test_equal_words_are_never_told_apart(words: list[bytes]) -> None:
    assert vector_text.may_repeat(hashes_of(words)) == (len(set(words)) < len(words))


def test_words_that_hardly_differ() -> None:
    words = [bytes([length]) + b"\0" * length for length in range(1, 10)] + [b"\0" * length for length in range(70)]
    words += [b"x" * at + b"y" + b"x" * (69 - at) for at in range(70)]
    words += [b"w%d" % i for i in range(100_000)]
    assert not vector_text.may_repeat(hashes_of(words))
    for repeated in (0, 75, 100, 50_000):
        assert vector_text.may_repeat(hashes_of([*words, words[repeated]]))


def test_a_crowded_table_is_a_maybe() -> None:
    """Hashes chosen to share a slot are handed to Python's comparison, not probed one by one for ever."""
    hashes = np.arange(1, 5001, dtype=np.uint64) << np.uint64(32)
    assert vector_text.may_repeat(hashes)
    assert not vector_text.may_repeat(hashes[:1000])
    assert not vector_text.may_repeat(np.array([0, 2], dtype=np.uint64))
    assert vector_text.may_repeat(np.array([0, 0], dtype=np.uint64))


def test_words_without_their_newlines_are_an_error() -> None:
    with pytest.raises(ValueError, match="at most 3"):
        vector_text.hash_words(bytearray(b"a\nb"), 4, 1)
    with pytest.raises(Exception, match="one newline for each row"):
        vector_text.hash_words(bytearray(b"a\nb"), 3, 2)
