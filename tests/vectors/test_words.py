"""The three stores of words: look-up, repeats, near spellings."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.vectors import PackedWords, WordVectors
from firth.vectors.words import IntegerWords, ListWords

distinct_words = st.lists(st.text(max_size=8), unique=True, max_size=40)


@given(distinct_words, st.lists(st.text(max_size=8), max_size=10))
def test_packed_words_are_the_list(words: list[str], others: list[str]) -> None:
    packed, listed = PackedWords.from_words(words), ListWords(words)
    assert len(packed) == len(words)
    assert list(packed) == words
    assert [packed[i] for i in range(-len(words), len(words))] == words + words
    assert packed[1:5] == tuple(words[1:5])
    for word in [*words, *others]:
        assert packed.find(word) == listed.find(word) == (words.index(word) if word in words else -1)
        assert (word in packed) == (word in words)
    assert packed.find_all([*others, *words]).tolist() == listed.find_all([*others, *words]).tolist()
    assert packed == PackedWords.from_words(words)


def test_packed_words_over_many_blocks() -> None:
    words = [f"{'x' * (i % 700)}{i}" for i in range(3000)]
    packed = PackedWords.from_words(words)
    assert packed.find_all(words).tolist() == list(range(3000))
    assert packed.find(words[2999]) == 2999
    assert packed.find("x" * 700_000) == -1


def test_words_with_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.vectors.words._HASH_MULTIPLIER", 1)  # anagrams collide
    packed = PackedWords.from_words(["abc", "x", "bca", "cab"])
    assert packed.find_all(["cab", "abc", "bca", "acb"]).tolist() == [3, 0, 2, -1]
    with pytest.raises(ParameterError, match=r"words must be distinct, got 'bca' again at row 3"):
        PackedWords.from_words(["abc", "bca", "cab", "bca"]).find("abc")


@pytest.mark.parametrize("store", [ListWords, PackedWords.from_words])
def test_repeated_words_are_refused(store) -> None:
    with pytest.raises(ParameterError, match=r"words must be distinct, got 'b' again at row 3"):
        store(["a", "b", "c", "b"]).find("a")


def test_malformed_packed_words() -> None:
    data = np.frombuffer(b"abc", dtype=np.uint8)
    with pytest.raises(ShapeError, match="word_bytes must be a flat uint8 array"):
        PackedWords(data.astype(np.int8), np.array([0, 3]))
    with pytest.raises(ShapeError, match="offsets must be a flat int64 array"):
        PackedWords(data, np.array([0, 3], dtype=np.int32))
    for offsets in ([1, 3], [0, 2], [0, 4], [0, 2, 1, 3]):
        with pytest.raises(ParameterError, match="offsets must rise from 0 to 3"):
            PackedWords(data, np.array(offsets, dtype=np.int64))
    with pytest.raises(IndexError, match="row must be in"):
        PackedWords(data, np.array([0, 3], dtype=np.int64))[1]


def test_integer_words_are_words_not_rows() -> None:
    store = IntegerWords(np.array([30, -7, 12]))
    assert [store.find(word) for word in (30, -7, 12, 0, 1, "30", 30.0, True, 2**70)] == [
        0,
        1,
        2,
        -1,
        -1,
        -1,
        -1,
        -1,
        -1,
    ]
    assert store.find(np.int32(12)) == 2
    with pytest.raises(ParameterError, match="words must be distinct, got 5 again at row 2"):
        IntegerWords(np.array([5, 6, 5]))


@pytest.mark.parametrize("pack", [list, PackedWords.from_words])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("quen", ["queen"]),  # a letter left out
        ("queeen", ["queen"]),  # doubled
        ("qeuen", ["queen"]),  # swapped
        ("Queen", ["queen"]),  # only the case differs
        ("kong", ["king", "Kong"]),
        ("straße", ["strasse"]),
        ("мир", ["мира"]),
        ("zzzzzzz", []),
        ("x" * 100, []),
        ("", []),
    ],
)
def test_near_spellings(pack, asked: str, expected: list[str]) -> None:
    words = ["the", "king", "queen", "Kong", "strasse", "мира", "of"]
    vectors = WordVectors(pack(words), np.eye(7))
    with pytest.raises(UnknownWordError) as caught:
        vectors[asked]
    text = str(caught.value)
    assert text.startswith(f"{asked!r} is not in the vocabulary of 7 words")
    suggested = [word for word in words if f"{word!r}" in text.partition("mean")[2]]
    assert sorted(suggested) == sorted(expected)


def test_an_exact_match_but_for_case_comes_first() -> None:
    vectors = WordVectors(["kings", "king", "King"], np.eye(3))
    with pytest.raises(UnknownWordError, match=r"did you mean 'king', 'King', 'kings'\?"):
        vectors["KING"]


def test_suggestions_are_worked_out_only_when_read_and_then_quick() -> None:
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, (400_000, 9)).astype(np.uint8)
    words = list(dict.fromkeys(row.tobytes().decode() for row in letters))
    vectors = WordVectors(PackedWords.from_words(words), np.zeros((len(words), 1), np.float32))
    assert vectors.get("absent") is None  # builds the index
    start = time.perf_counter()
    for _ in range(1000):
        try:
            vectors["absent"]
        except KeyError as error:
            caught = error
    assert time.perf_counter() - start < 0.5
    start = time.perf_counter()
    misspelt = words[399_000][:4] + "~" + words[399_000][5:]
    with pytest.raises(UnknownWordError, match=words[399_000]):
        vectors[misspelt]
    assert time.perf_counter() - start < 5.0  # 0.4 s on a quiet machine
    assert "not in the vocabulary" in str(pickle.loads(pickle.dumps(caught)))
