"""N-grams: fastText's own answers for hard words, the native twin, and rules that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.base.ngrams import END_OF_SENTENCE, NgramRules, character_ngrams, hash_ngram
from firth.base.words import WordBuffer
from firth.errors import ParameterError
from firth.native import ngrams as native

# From fasttext-numpy2 0.10.4, FastText.getSubwords of a model with 4 words: rows of n-grams of 1 to 3 characters in 7
# buckets, and of 3 to 6 in 2,000,000. The word itself and </s> were left out.
FASTTEXT: dict[bytes, tuple[list[int], list[int]]] = {
    b"": ([6], []),
    b"a": ([8, 6, 9, 7], [1087604]),
    b"ab": ([8, 9, 9, 6, 6, 10, 4], [209512, 621746, 1241760]),
    "é".encode(): ([7, 4, 4, 4], [806235]),
    "日本語".encode(): ([5, 9, 8, 4, 10, 5, 7, 5, 7, 9], [758591, 4585, 524613, 35563, 928927, 1674359]),
    "😀".encode(): ([5, 4, 9, 10], [870424]),
    "e\u0301\u0301".encode(): (
        [7, 9, 10, 5, 4, 9, 6, 10, 9, 4],
        [604797, 1198382, 1208704, 188156, 1924662, 1312085],
    ),
    "👨\u200d👩\u200d👧".encode(): (
        [6, 4, 8, 7, 4, 7, 8, 6, 10, 6, 9, 7, 6, 10, 8, 10],
        [
            362968, 1777527, 1251360, 405689, 1756617, 1995770, 631635, 996327, 700902, 1082511, 237683, 1524574,
            286320, 521319,
        ],
    ),
    b"\x80": ([9], []),
    b"\x80\x80ab": ([5, 6, 9, 6, 6, 10, 4], [389216, 1211850, 1241760]),
    b"\xff\xfe": ([4, 9, 5, 4, 9, 10, 7], [619962, 789404, 353646]),
    b"a\x80\x80\x80b": ([6, 6, 5, 4, 4, 10, 4], [1211148, 778502, 1741096]),
    b"\xc3": ([5, 5, 4, 7], [1280678]),
    b"<": ([9, 7, 10, 6], [1984293]),
    b"<>": ([9, 7, 10, 6, 10, 6, 6], [1984293, 1603409, 154871]),
    "\u0e01\u0e33".encode(): ([9, 6, 8, 5, 6, 6, 6], [51779, 1521303, 747877]),
}  # fmt: skip


@pytest.mark.parametrize("word", FASTTEXT, ids=repr)
def test_rows_are_those_of_fasttext(word: bytes) -> None:
    for rules, expected in zip((NgramRules(1, 3, 7), NgramRules(3, 6, 2_000_000)), FASTTEXT[word], strict=True):
        bag = native.make_unknown_bags(WordBuffer.pack([word]), 4, rules)
        assert bag.rows.tolist() == expected
        assert [4 + hash_ngram(ngram) % rules.buckets for ngram in character_ngrams(word, rules)] == expected


def test_the_mark_of_the_end_has_ngrams_only_by_the_older_rules() -> None:
    assert character_ngrams(END_OF_SENTENCE, NgramRules(3, 6, 10)) == []
    assert character_ngrams(END_OF_SENTENCE, NgramRules(3, 3, 10, end_has_ngrams=True)) == [
        b"<</", b"</s", b"/s>", b"s>>",
    ]  # fmt: skip
    words = WordBuffer.pack([END_OF_SENTENCE, b"</s", b"</s>x"])
    assert np.diff(native.make_unknown_bags(words, 3, NgramRules(3, 3, 10)).offsets).tolist() == [0, 3, 5]
    assert np.diff(native.make_unknown_bags(words, 3, NgramRules(3, 3, 10, True)).offsets).tolist() == [4, 3, 5]


def test_the_hash_of_letters_is_the_published_one_and_bytes_are_signed() -> None:
    assert hash_ngram(b"foobar") == 0xBF9CF968  # FNV-1a, 32 bits: http://www.isthe.com/chongo/src/fnv/test_fnv.c
    assert hash_ngram(b"\xff") == ((2166136261 ^ 0xFFFFFFFF) * 16777619) & 0xFFFFFFFF


@given(st.lists(st.binary(max_size=12), max_size=8), st.integers(1, 4), st.integers(0, 3), st.integers(1, 50))
def test_native_bags_are_those_of_the_twin(words: list[bytes], shortest: int, more: int, buckets: int) -> None:
    rules = NgramRules(shortest, shortest + more, buckets)
    bags = native.make_bags(WordBuffer.pack(words), len(words) + 2, rules, n_threads=2)
    expected = [
        [word_id, *(len(words) + 2 + hash_ngram(ngram) % buckets for ngram in character_ngrams(word, rules))]
        for word_id, word in enumerate(words)
    ]
    assert [bags.rows[bags.offsets[i] : bags.offsets[i + 1]].tolist() for i in range(len(bags))] == expected
    assert (bags.rows.dtype, bags.offsets.dtype) == (np.int32, np.int64)
    distinct = {ngram for word in words for ngram in character_ngrams(word, rules)}
    assert native.count_distinct_ngrams(WordBuffer.pack(words), rules) == len(set(map(hash_ngram, distinct)))


def test_many_words_are_divided_and_come_together_in_order() -> None:
    words = [f"word{number}".encode() * (1 + number % 7) for number in range(5000)] + [b"x" * 100_000, b"end"]
    rules = NgramRules(3, 4, 1000)
    buffer = WordBuffer.pack(words)
    one, two = native.hash_ngrams(buffer, rules), native.hash_ngrams(buffer, rules, n_threads=2)
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
    for word_id in (0, 1, 4999, 5001):
        own = one[1][one[0][word_id] : one[0][word_id + 1]].tolist()
        assert own == [hash_ngram(ngram) for ngram in character_ngrams(words[word_id], rules)]
    assert one[0][5001] - one[0][5000] == 100_002 - 2 + 100_002 - 3


@pytest.mark.parametrize(
    ("shortest", "longest", "buckets", "message"),
    [
        (0, 6, 10, "min_ngram must be at least 1, got 0"),
        (5, 4, 10, "min_ngram must be at most the max_ngram of 4, got 5"),
        (3, 65, 10, "max_ngram must be at most 64, got 65"),
        (3, 6, 0, "buckets must be at least 1, got 0"),
        (3, 6, 2**31, "buckets must be at most 2147483647, got 2147483648"),
        (3.0, 6, 10, "min_ngram must be a whole number"),
    ],
)
def test_rules_that_are_refused(shortest: int, longest: int, buckets: int, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        NgramRules(shortest, longest, buckets)


def test_more_rows_than_32_bits_can_number_are_refused() -> None:
    with pytest.raises(ParameterError, match="buckets must be at most 2147483644 with 3 words, got 2147483647"):
        native.make_bags(WordBuffer.pack([b"a", b"b", b"c"]), 3, NgramRules(3, 6, 2**31 - 1))
