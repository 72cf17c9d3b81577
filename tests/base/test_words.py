"""Words in one buffer: what is packed comes out again; buffers that are none are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.base.words import WordBuffer
from firth.errors import ParameterError, ShapeError


@given(st.lists(st.binary(max_size=6), max_size=30))
def test_what_is_packed_comes_out(words: list[bytes]) -> None:
    packed = WordBuffer.pack(words)
    assert len(packed) == len(words)
    assert list(packed.all_encoded()) == words
    assert [packed.encoded(number) for number in range(len(words))] == words
    assert packed.has_same_words(WordBuffer(packed.word_bytes.copy(), packed.offsets.copy()))
    assert not packed.has_same_words(WordBuffer.pack([*words, b""]))


def test_many_words_come_out_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.base.words._BLOCK_WORDS", 3)
    words = [b"x" * (number % 5) for number in range(10)]
    assert list(WordBuffer.pack(words).all_encoded()) == words


def test_malformed_buffers_are_refused() -> None:
    data = np.frombuffer(b"abc", dtype=np.uint8)
    with pytest.raises(ShapeError, match="word_bytes must be a flat uint8 array, got int8"):
        WordBuffer(data.astype(np.int8), np.array([0, 3]))
    with pytest.raises(ShapeError, match="offsets must be a flat int64 array"):
        WordBuffer(data, np.array([], dtype=np.int64))
    for offsets in ([1, 3], [0, 2], [0, 4], [0, 2, 1, 3]):
        with pytest.raises(ParameterError, match="offsets must rise from 0 to 3"):
            WordBuffer(data, np.array(offsets, dtype=np.int64))


def test_a_word_that_begins_inside_a_character_is_no_utf_8() -> None:
    letter = "é".encode()
    WordBuffer.pack([b"a", letter, b""]).validate_utf8()
    for words in ([letter[:1], letter[1:]], [b"\xff"]):
        with pytest.raises(UnicodeDecodeError):
            WordBuffer.pack(words).validate_utf8()
