"""Room tests/corpus: iterables of token lists and arrays of ids against the oracle, and what is refused."""

from __future__ import annotations

from collections import UserList, deque
from pathlib import Path

import numpy as np
import pytest
from corpus_oracle import decoded, expected, folder_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.corpus import IdSequences, counting, encode_corpus
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FirthError, ParameterError, ShapeError

TOKENS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=3)
SMALL_BLOCK = 5


@given(
    sequences=st.lists(st.lists(TOKENS, max_size=14), min_size=1, max_size=12),
    min_count=st.integers(1, 3),
    cap=st.none() | st.integers(1, 4),
)
@settings(max_examples=100, deadline=None)
def test_token_lists_equal_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[str]], min_count: int, cap: int | None
) -> None:
    folder = tmp_path_factory.mktemp("tokens") / "out"
    pairs, kept = expected(sequences, min_count, cap)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "SPOOL_TOKENS", SMALL_BLOCK)
        if not pairs:
            with pytest.raises(CorpusError):
                encode_corpus(iter(sequences), folder=folder, min_count=min_count)
            return
        corpus = encode_corpus(iter(sequences), folder=folder, min_count=min_count, max_vocabulary=cap)
    assert decoded(corpus) == (pairs, kept)


@given(sequences=st.lists(st.lists(st.integers(-5, 5), max_size=14), min_size=1, max_size=12), cap=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_id_arrays_and_integer_tokens_equal_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[int]], cap: int
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    pairs, kept = expected(sequences, 1, cap)
    ids = np.array([token for sequence in sequences for token in sequence], np.int16)
    offsets = np.cumsum([0, *map(len, sequences)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "SPOOL_TOKENS", SMALL_BLOCK)
        if not pairs:
            for source in ((ids, offsets), sequences):
                with pytest.raises(CorpusError, match="at least one word"):
                    encode_corpus(source, folder=folder / "out", min_count=1)
            return
        by_array = encode_corpus((ids, offsets), folder=folder / "a", min_count=1, max_vocabulary=cap)
        by_list = encode_corpus(sequences, folder=folder / "l", min_count=1, max_vocabulary=cap)
    assert decoded(by_array) == (pairs, kept)
    assert by_array.vocabulary.words_are_ids
    assert folder_bytes(by_list.folder) == folder_bytes(by_array.folder)


def test_one_shot_iterables_are_read_once_and_whole(encode) -> None:
    sequences = [["a", "b"], [], ["b", "c", "b"]]
    reference = expected(sequences)
    sources = [
        (sequence for sequence in sequences),
        iter(sequences),
        map(list, sequences),
        zip("ab", "cd", strict=True),
        deque(sequences),
        UserList(sequences),
        ((token for token in sequence) for sequence in sequences),
        tuple(sequences),
        [np.array(sequence, dtype=str) for sequence in sequences],
        [np.array(sequence, dtype=object) for sequence in sequences],
    ]
    for number, source in enumerate(sources):
        found = decoded(encode(source))
        assert found == (expected([("a", "c"), ("b", "d")]) if number == 3 else reference)


def test_a_long_sequence_is_not_cut(encode) -> None:  # gensim cuts at 10,000 tokens
    corpus = encode([[str(n % 7) for n in range(2_500_000)], ["1"]])
    assert corpus.offsets.tolist() == [0, 2_500_000, 2_500_001]
    assert corpus.vocabulary.counts.sum() == 2_500_001


def test_same_tokens_same_bytes_by_text_or_list(encode) -> None:
    text = "the cat sat\n\non the mat the end\n"
    by_list = encode([line.split() for line in text.splitlines()])
    assert folder_bytes(by_list.folder) == folder_bytes(encode(text.encode()).folder)


def test_subclasses_of_str_are_strings(encode) -> None:
    class Token(str):
        pass

    corpus = encode([[np.str_("a"), Token("b"), "a"], [Token("a")]])
    assert decoded(corpus) == ([("a", 3), ("b", 1)], [["a", "b", "a"], ["a"]])
    assert {type(word) for word in corpus.vocabulary.words} == {str}


def test_words_with_white_space_survive_and_empty_ones_are_dropped(encode) -> None:
    corpus = encode([["New York", "", "a\nb", "\t", "a\nb"], [""]])
    assert decoded(corpus) == ([("a\nb", 2), ("\t", 1), ("New York", 1)], [["New York", "a\nb", "\t", "a\nb"], []])
    with pytest.raises(CorpusError, match="every word was dropped"):
        encode([["", ""]])
    with pytest.raises(CorpusError, match="the most frequent, 'a', 1 time; give min_count=1 or less"):
        encode([["", "", "", "a"]], min_count=2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["the cat sat", "on the mat"], r"corpus\[0\] must be a list of tokens, got the string 'the cat sat'.*split"),
        (iter(["the cat"]), r"sequence 0 must be a list of tokens, got the string 'the cat'.*\[text.split\(\)"),
        ([["a"], "the cat"], r"sequence 1 must be a list of tokens, got the string 'the cat'"),
        (np.array(["the cat", "sat"]), "sequence 0 must be a list of tokens, got the string 'the cat'"),
        ([["a"], b"the cat"], "sequence 1 must be a list of tokens, got bytes"),
        (
            [[["a", "b"]]],
            r"sequence 0: tokens must be strings \(or integers\), got \['a', 'b'\].*nested one level too deep",
        ),
        ([["a", {}]], "sequence 0: tokens must be strings .*got {}"),
        (iter([(t for t in [[1]])]), "sequence 0: tokens must be strings .*unhashable"),
        ([["a", None]], r"sequence 0: tokens must be strings .*got None \(NoneType\); use str\(token\)"),
        ([["a", b"b"]], r"got b'b' \(bytes\); use token.decode"),
        ([[1.5]], r"got 1.5 \(float\)"),
        ([[True]], r"got True \(bool\)"),
        ([["a"], ["b", 1]], "sequence 1: tokens must be all strings or all integers, got 'a' and 1"),
        ([[1, "b"]], "tokens must be all strings or all integers, got 1 and 'b'"),
        ([[1 << 63]], "tokens must fit in 64 bits"),
        ([["a"], 7], r"sequence 1 must be a list of tokens, got 7 \(int\)"),
        ([["a"], {"b", "c"}], r"sequence 1 must be a list of tokens, got a set, which has no order.*sorted"),
        ([np.zeros((2, 2), int)], r"sequence 0 must have one dimension, got an array of shape \(2, 2\)"),
        ({"a": 3}, "corpus must be a sequence of token lists, got a dict.*from_counts"),
        ({("a", "b")}, "got a set, which has no order"),
        (7, "corpus must be a path, an iterable of token lists or .*, got int"),
        (None, "corpus must be a path, .*got NoneType"),
        (bytearray(b"the cat"), r"got bytes; pass \[text.decode"),
        (np.arange(5), r"corpus must be \(ids, offsets\).*got one array of int64 with shape \(5,\)"),
        (np.zeros((2, 2)), "got one array of float64"),
    ],
)
def test_what_is_no_corpus_says_what_to_pass(encode, tmp_path: Path, source: object, message: str) -> None:
    with pytest.raises(CorpusTypeError, match=message) as error:
        encode(source)
    assert isinstance(error.value, TypeError)
    assert not list(tmp_path.iterdir())


def test_errors_of_the_users_generator_pass_through(encode, tmp_path: Path) -> None:
    def broken():
        yield ["a"]
        raise ZeroDivisionError

    def wrong():
        yield ["a"]
        yield [len(3)]  # type: ignore[arg-type]

    with pytest.raises(ZeroDivisionError):
        encode(broken())
    with pytest.raises(TypeError, match="has no len") as error:
        encode(wrong())
    assert not isinstance(error.value, FirthError)
    with pytest.raises(CorpusError, match="empty list"):
        encode([])
    with pytest.raises(CorpusError, match="at least one word"):
        encode(iter([]))
    with pytest.raises(EncodingError, match="lone surrogate"):
        encode([["a\ud800"]])
    assert not list(tmp_path.iterdir())


def test_arrays_of_ids_that_do_not_fit(encode) -> None:
    ids = np.array([3, 4, 3])
    for offsets in ([0, 2], [1, 3], [0, 2, 1, 3], []):
        with pytest.raises(ShapeError, match="offsets must rise from 0 to the number of ids"):
            encode((ids, np.array(offsets, np.int64)))
    with pytest.raises(ShapeError, match=r"ids must have one dimension, got shape \(1, 3\)"):
        encode(IdSequences(ids[None], np.array([0, 3])))
    with pytest.raises(ShapeError, match="two dimensions"):
        encode(np.zeros((2, 2, 2), int))
    with pytest.raises(CorpusTypeError, match="ids must be an array of integers, got an array of float64"):
        encode(IdSequences(ids * 1.0, np.array([0, 3])))
    with pytest.raises(CorpusTypeError, match=r"ids must be below 2\^63"):
        encode(IdSequences(np.array([1 << 63], np.uint64), np.array([0, 1])))
    with pytest.raises(ParameterError, match="lowercase and normalizer must be unset if the words are integers"):
        encode((ids, np.array([0, 3])), lowercase=True)
    assert decoded(encode(np.array([[5, 6], [6, 6]]))) == ([(6, 3), (5, 1)], [[5, 6], [6, 6]])


def test_a_memory_mapped_id_array(encode, tmp_path: Path) -> None:
    (np.arange(3_000_000, dtype=np.int32) // 7 % 1000).tofile(tmp_path / "ids")
    ids = np.memmap(tmp_path / "ids", np.int32, "r")
    corpus = encode((ids, np.array([0, 1_500_000, 1_500_000, 3_000_000])), max_vocabulary=10)
    assert corpus.vocabulary.word_list() == list(range(10))
    assert corpus.ids[:15].tolist() == [0] * 7 + [1] * 7 + [2]
    assert corpus.offsets[-1] == corpus.n_tokens == np.isin(ids, range(10)).sum()
    assert corpus.offsets[1] == corpus.offsets[2] == np.isin(ids[:1_500_000], range(10)).sum()
    assert corpus.n_tokens_read == 3_000_000
