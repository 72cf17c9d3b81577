"""Room tests/corpus: vocabularies: from counts, saved, loaded, given, malformed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from corpus_oracle import decoded
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.corpus import Vocabulary, encode_with_vocabulary
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    EncodingError,
    FormatError,
    ParameterError,
    StorageError,
    UnknownWordError,
)

BAD_FILES = Path(__file__).parent.parent / "bad_files"


def test_from_counts_sorts_by_count_then_word() -> None:
    vocabulary = Vocabulary.from_counts({"b": 2, "é": 5, "a": 2, "Z": 2, "rare": 1}, min_count=2, max_vocabulary=3)
    assert vocabulary.words == ("é", "Z", "a")
    assert vocabulary.counts.tolist() == [5, 2, 2]
    numbers = Vocabulary.from_counts([(10, 1), (9, 1), (-3, 7)])
    assert numbers.word_list() == [-3, 9, 10]
    assert numbers.words_are_ids
    assert numbers.n_tokens == 9


def test_look_up() -> None:
    vocabulary = Vocabulary(("b", "a"), np.array([1, 2]))
    assert vocabulary.word_id("a") == 1
    assert vocabulary.look_up(["a", "c", "b"]).tolist() == [1, -1, 0]
    assert "a" in vocabulary
    assert "c" not in vocabulary
    assert [] not in vocabulary
    assert len(vocabulary) == 2
    assert vocabulary == Vocabulary(["b", "a"], [1, 2])  # type: ignore[arg-type]
    assert vocabulary != Vocabulary(("b", "a"), np.array([1, 3]))
    assert vocabulary != "b"
    with pytest.raises(UnknownWordError, match="'kitten' is not in the vocabulary of 1 words; did you mean 'kitten_'"):
        Vocabulary(("kitten_",), np.array([1])).word_id("kitten")
    with pytest.raises(UnknownWordError, match="whose words are integers"):
        Vocabulary(np.array([7]), np.array([1])).word_id("7")
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 3


@pytest.mark.parametrize(
    ("words", "counts", "error", "message"),
    [
        (("a",), [1, 2], ParameterError, r"counts must have one number for each of the 1 words, got 2"),
        (("a",), [-1], ParameterError, "counts must be 0 or more, got -1"),
        (("a",), [1.5], ParameterError, "counts must be a one-dimensional array of integers"),
        ((), [], ParameterError, "words must have at least one word, got none"),
        (np.array([1.5]), [1], CorpusTypeError, "words must be strings or a vector of 64-bit integers"),
        (np.array([1 << 63], np.uint64), [1], CorpusTypeError, r"words must be below 2\^63"),
    ],
)
def test_vocabularies_that_are_none(words, counts, error, message) -> None:
    with pytest.raises(error, match=message):
        Vocabulary(words, counts)


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ({"a": 0.5}, ParameterError, "the count of 'a' must be an integer of 0 or more, got 0.5"),
        ({"a": -1}, ParameterError, "the count of 'a' must be an integer of 0 or more, got -1"),
        ({"a": 1, 2: 1}, CorpusTypeError, "words must be all strings or all integers"),
        ({None: 1}, CorpusTypeError, "words must be strings or integers, got None"),
        ([("a", 1), ("a", 2)], ParameterError, "words must be distinct, got 'a' more than once"),
        ({}, ParameterError, "leaves no word of the 0 given"),
    ],
)
def test_counts_that_are_none(counts, error, message) -> None:
    with pytest.raises(error, match=message):
        Vocabulary.from_counts(counts)


@given(counts=st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), st.integers(0, 1 << 62), min_size=1))
@settings(max_examples=60, deadline=None)
def test_round_trip_of_any_words(tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int]) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "v.safetensors"
    vocabulary = Vocabulary(tuple(counts), np.array(list(counts.values())))
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary
    assert [entry.name for entry in path.parent.iterdir()] == ["v.safetensors"]


def test_round_trip_of_lines_and_ids(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_counts({"the": 10, "New York": 3, "été": 2})
    vocabulary.save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_bytes() == "the 10\nNew York 3\nété 2\n".encode()
    assert Vocabulary.load(tmp_path / "v.txt") == vocabulary
    numbers = Vocabulary.from_counts({7: 2, -1: 5})
    numbers.save(tmp_path / "n.safetensors")
    assert Vocabulary.load(tmp_path / "n.safetensors") == numbers
    for unfit in (numbers, Vocabulary(("a\nb",), [1]), Vocabulary(("",), [1])):  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="path must end in .safetensors"):
            unfit.save(tmp_path / "w.txt")
    with pytest.raises(StorageError, match="cannot be written"):
        vocabulary.save(tmp_path / "no" / "v.txt")
    with pytest.raises(StorageError, match="cannot be read"):
        Vocabulary.load(tmp_path / "none.txt")


def test_windows_line_ends_of_a_saved_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"a 2\r\nb 1\r\n")
    assert Vocabulary.load(tmp_path / "v.txt") == Vocabulary.from_counts({"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("vocabulary-no-count.txt", FormatError, "line 2: must be a word, a space and its count, got 'cat'"),
        ("vocabulary-negative.txt", FormatError, "line 1: must be a word, a space and its count, got 'the -3'"),
        ("vocabulary-repeated.txt", FormatError, "words must be distinct, got 'the' more than once"),
        ("vocabulary-latin1.txt", EncodingError, "line 1: the word is not UTF-8"),
        ("vocabulary-empty.txt", FormatError, "line 1: must be a word"),
    ],
)
def test_malformed_lines(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Vocabulary.load(BAD_FILES / name)


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        (
            {"counts": np.ones(1, np.int32), "word_ids": np.ones(1, np.int64)},
            FormatError,
            "counts must be a vector of int64",
        ),
        ({"word_ids": np.ones(1, np.int64)}, FormatError, "needs a tensor 'counts'; the file has word_ids"),
        ({"counts": np.ones(1, np.int64)}, FormatError, "needs a tensor 'word_bytes'"),
        ({"counts": np.ones(2, np.int64), "word_ids": np.ones(2, np.int64)}, FormatError, "words must be distinct"),
        (
            {
                "counts": np.ones(1, np.int64),
                "word_bytes": np.frombuffer(b"ab", np.uint8),
                "word_offsets": np.array([0, 3]),
            },
            FormatError,
            "word_offsets must rise from 0 to 2",
        ),
        (
            {
                "counts": np.ones(1, np.int64),
                "word_bytes": np.frombuffer(b"\xff", np.uint8),
                "word_offsets": np.array([0, 1]),
            },
            EncodingError,
            "word_bytes is not UTF-8",
        ),
    ],
)
def test_malformed_tensors(tmp_path: Path, tensors, error: type[Exception], message: str) -> None:
    path = tmp_path / "v.safetensors"
    path.write_bytes(safetensors.numpy.save(tensors))
    with pytest.raises(error, match=message):
        Vocabulary.load(path)


def test_a_cut_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    Vocabulary.from_counts({"a": 1}).save(path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match="v.safetensors"):
            Vocabulary.load(path)


def test_a_given_vocabulary_fixes_ids_and_counts(encode, tmp_path: Path) -> None:
    given_vocabulary = Vocabulary(("sat", "the", "dog"), np.array([3, 9, 1]))
    data = b"the cat sat\nthe end\nthe"
    corpus = encode(data, vocabulary=given_vocabulary, min_count=100)
    assert corpus.vocabulary == given_vocabulary
    assert decoded(corpus)[1] == [["the", "sat"], ["the"], ["the"]]
    assert corpus.n_tokens_read == 6
    same = encode_with_vocabulary(
        [line.split() for line in data.decode().split("\n")], folder=tmp_path / "o", vocabulary=given_vocabulary
    )
    assert decoded(same) == decoded(corpus)
    upper = encode(b"THE Sat", vocabulary=given_vocabulary, lowercase=True)
    assert decoded(upper)[1] == [["the", "sat"]]
    with pytest.raises(CorpusError, match="must have words of the given vocabulary, got none among its 2 tokens"):
        encode(b"no such", vocabulary=given_vocabulary)
    with pytest.raises(CorpusTypeError, match="vocabulary must have integers for words"):
        encode([[1, 2]], vocabulary=given_vocabulary)
    by_id = encode([[1, 2, 5]], vocabulary=Vocabulary.from_counts({5: 9, 1: 1}))
    assert by_id.ids.tolist() == [1, 0]
