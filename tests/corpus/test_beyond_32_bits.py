"""Files beyond 4 GB, tokens beyond 2^31 and counts beyond 2^31: in sparse files; a whole large file in a slow test."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.corpus.encoded import validate_ids
from firth.corpus.native_words import NativeWords
from firth.corpus.vocabulary import Vocabulary
from firth.native.text import CountedChunk, TextCounter, TextEncoder, TextMerge

BORDER = 1 << 32
TEXT = b"\none two two\nthree \xf0\x9f\x90\x8b one\n\nfour"


@contextlib.contextmanager
def opened(path: Path, size: int = 0):
    path.touch()
    file = os.open(path, os.O_RDWR)
    try:
        os.truncate(file, size)
        yield file
    finally:
        os.close(file)


@pytest.mark.parametrize("first", [BORDER - 9, BORDER + 5, 7 * BORDER])
def test_text_is_counted_at_any_offset_of_a_file(first: int, tmp_path: Path) -> None:
    """The chunk begins inside a word of the sparse part, which belongs to the chunk before."""
    with opened(tmp_path / "text", first) as text, opened(tmp_path / "spool") as spool, TextCounter(spool) as counter:
        os.pwrite(text, TEXT, first)
        chunk = counter.count_range(text, first - 3, first + len(TEXT), is_last=True, name="text")
        counter.finish()
        with contextlib.closing(TextMerge([counter])) as merge:
            merge.work()
            data, offsets, counts = merge.words()
        assert NativeWords(data, offsets).strings() == ["one", "two", "three", "\N{WHALE}", "four"]
        assert counts.tolist() == [2, 2, 1, 1, 1]
        spooled = np.fromfile(tmp_path / "spool", np.uint32)
        assert (chunk.n_tokens, spooled.tolist()) == (7, [0, 1, 1, 2, 3, 0, 4, 0, 3, 6, 6, 7])


def test_a_wrong_byte_is_named_at_its_offset(tmp_path: Path) -> None:
    first = BORDER + 77
    with opened(tmp_path / "text", first) as text, opened(tmp_path / "spool") as spool, TextCounter(spool) as counter:
        os.pwrite(text, b"\na\xff ", first)
        with pytest.raises(firth.errors.EncodingError, match=f"{first + 2:,}"):
            counter.count_range(text, first - 3, first + 4, is_last=False, name="text")


def test_ids_are_written_and_read_beyond_32_bits(tmp_path: Path) -> None:
    """The spool, the tokens and the sequences before a chunk may be more than 2^32."""
    spool_offset, n_tokens, n_lines = 5 * BORDER, BORDER + 3, BORDER // 2 + 5
    with (
        opened(tmp_path / "spool", spool_offset) as spool,
        opened(tmp_path / "ids") as ids,
        opened(tmp_path / "offsets") as offsets,
        contextlib.closing(TextEncoder()) as encoder,
    ):
        os.pwrite(spool, np.array([2, 0, 1, 1, 2, 2, 5], np.int32).tobytes(), spool_offset)
        id_map = np.array([7, -1, 9], np.int32)
        kept, *_ = encoder.map_chunk(spool, CountedChunk(spool_offset, 5, 2), n_lines, id_map)
        assert kept == 3
        encoder.write_chunk([ids, offsets, -1, -1], [n_tokens, n_lines, 0, 0])
        assert np.frombuffer(os.pread(ids, 99, n_tokens * 4), np.int32).tolist() == [9, 7, 9]
        written = np.frombuffer(os.pread(offsets, 99, (n_lines + 1) * 8), np.int64)
        assert written.tolist() == [n_tokens + 2, n_tokens + 3]
        assert os.stat(ids).st_blocks * 512 < 1 << 20


def test_offsets_beyond_32_bits_are_valid(tmp_path: Path) -> None:
    offsets = np.array([0, 5, BORDER, BORDER + 7])
    ids = np.broadcast_to(np.int32(3), (BORDER + 7,))
    blocks = []

    class Ids:
        """An array of 2^32 ids that are not looked at: the numbers are checked elsewhere."""

        def __len__(self) -> int:
            return len(ids)

        def __getitem__(self, rows: slice):
            blocks.append(rows.stop)
            return ids[rows][:1]

    validate_ids(tmp_path, Ids(), offsets, 4)  # type: ignore[arg-type]
    assert max(blocks) >= len(ids)
    with pytest.raises(firth.errors.FormatError, match=f"offsets must rise from 0 to {BORDER + 7}"):
        validate_ids(tmp_path, Ids(), offsets[:-1], 4)  # type: ignore[arg-type]


COUNTS = {"the": 1 << 45, "of": BORDER + 1, "and": BORDER, "in": BORDER, "rare": 3}


def test_counts_beyond_32_bits_are_ordered_saved_and_loaded(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_counts(dict(reversed(COUNTS.items())), min_count=4)
    assert vocabulary.word_list() == ["the", "of", "and", "in"]
    assert vocabulary.counts.tolist() == list(COUNTS.values())[:4]
    assert vocabulary.n_tokens == sum(COUNTS.values()) - 3
    for name in ("words.txt", "words.safetensors"):
        vocabulary.save(tmp_path / name)
        assert Vocabulary.load(tmp_path / name) == vocabulary
    packed = NativeWords.pack(word.encode() for word in reversed(COUNTS))
    counts = np.array(list(reversed(COUNTS.values())))
    assert packed.rank(counts, np.arange(5)).tolist() == [4, 3, 2, 1, 0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_text_of_more_than_4_gb(tmp_path: Path) -> None:
    """Long words, so that the ids are few: every chunk is counted, with one thread and with two."""
    words = [bytes([letter]) * 2000 for letter in b"abcdefghij"]
    block = b" ".join(words) + b"\n"
    n_blocks = (BORDER + (1 << 20)) // len(block)
    with open(tmp_path / "text", "wb") as file:
        for _ in range(n_blocks // 1000):
            file.write(block * 1000)
        file.write(block * (n_blocks % 1000) + b"last")
    for threads in (1, 2):
        corpus = firth.encode_corpus(tmp_path / "text", folder=tmp_path / "corpus", min_count=1, threads=threads)
        assert corpus.vocabulary.counts.tolist() == [n_blocks] * 10 + [1]
        assert corpus.vocabulary.words[-1] == "last"
        np.testing.assert_array_equal(corpus.ids[-11:], np.arange(11))
        assert len(corpus.offsets) == n_blocks + 2
    (tmp_path / "text").unlink()
