"""The rows of a text, native against the reference: words of every length, long texts, words that are not listed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fasttext_answers import model_path, read_answers

from firth.base.words import WordBuffer
from firth.classification.classifier import Classifier
from firth.classification.reference import find_rows
from firth.errors import FormatError
from firth.formats.fasttext_model import FastTextModel, read_classifier

LETTERS = "aeinorst" + "éß" + "ж日😀"


def with_words(name: str, words: list[bytes]) -> FastTextModel:
    """The model of a file with other words: the first ones of its dictionary are replaced."""
    stored = read_classifier(model_path(name))
    entries = list(stored.entries.all_encoded())
    assert len(words) < stored.n_words
    others = [b"other%d" % n if entry in words else entry for n, entry in enumerate(entries[len(words) :])]
    return dataclasses.replace(stored, entries=WordBuffer.pack([*words, *others]))


def words_of_every_length() -> list[bytes]:
    """Two of each length up to 40 bytes, which differ in the last byte alone; and one with no ASCII of each."""
    draw = np.random.default_rng(4)
    words = []
    for length in range(1, 41):
        letters = bytes(draw.choice(list(b"bcdfghjk"), length - 1).tolist())
        words += [letters + b"l", letters + b"m"]
    words += ["ж".encode() * count for count in range(1, 20)]
    return list(dict.fromkeys(words))


@pytest.mark.parametrize("name", ["softmax.bin", "softmax-ngrams.bin"])
def test_words_of_every_length_are_found(name: str) -> None:
    words = words_of_every_length()
    stored = with_words(name, words)
    model = Classifier(stored)
    for number, word in enumerate(words):
        rows = model.find_rows(word).tolist()
        assert rows[0] == number
        assert rows == find_rows(stored, word)
        for other in (word + b"x", word[:-1] + b"x", b"x" + word[1:]):
            assert model.find_rows(other).tolist() == find_rows(stored, other)


@pytest.mark.parametrize("name", ["softmax.bin", "softmax-ngrams.bin", "hierarchical.bin", "pruned.ftz"])
def test_texts_of_any_length_and_white_space(name: str) -> None:
    """Texts are scanned 64 bytes at a time, and words are looked up some hundred at a time."""
    draw = np.random.default_rng(9)
    stored = read_classifier(model_path(name))
    model = Classifier(stored)
    known = list(stored.entries.all_encoded())[: stored.n_words]
    for n_words in [*range(1, 30), 255, 256, 257, 288, 300, 1000]:
        words = [
            known[draw.integers(len(known))]
            if draw.random() < 0.5
            else "".join(draw.choice(list(LETTERS), draw.integers(1, 24))).encode()
            for _ in range(n_words)
        ]
        text = b"".join(word + b" \t\v\f\r\0"[draw.integers(6) :][:1] * draw.integers(1, 4) for word in words)
        assert model.find_rows(text).tolist() == find_rows(stored, text)
        assert model.find_rows(text.rstrip()).tolist() == find_rows(stored, text.rstrip())
        ended = b" ".join([*words, b"</s>", *words])
        assert model.find_rows(ended).tolist() == find_rows(stored, ended)


def test_every_start_within_64_bytes() -> None:
    stored = read_classifier(model_path("softmax-ngrams.bin"))
    model = Classifier(stored)
    word = list(stored.entries.all_encoded())[1]
    for n_spaces in range(130):
        for text in (b" " * n_spaces + word, b" " * n_spaces + word + b" " + word):
            assert model.find_rows(text).tolist() == find_rows(stored, text)


def test_long_words_with_one_key_are_told_apart() -> None:
    """Keys of words of more than 16 bytes are hashes. These two have one, so that their bytes decide."""
    first, second = b"xxxxxxxxyyyyyyyyzzzzzzzz", b"zzzzzzzzyyyyyyyyxxxxxxxx"
    model = Classifier(with_words("softmax.bin", [b"one", first, second]))
    assert model.find_rows(first).tolist()[0] == 1
    assert model.find_rows(second).tolist()[0] == 2


def test_a_word_with_very_many_ngrams_is_not_listed() -> None:
    """Rows of such a word of the dictionary are looked up anew in each text, its own row first."""
    long = ("жabcdefg" * 1500).encode()
    stored = with_words("softmax-ngrams.bin", [long])
    model = Classifier(stored)
    text = b"e " + long + b" a"
    rows = model.find_rows(text).tolist()
    assert rows == find_rows(stored, text)
    assert 0 in rows
    assert len(rows) > 20_000


def test_bytes_far_from_utf_8_among_others() -> None:
    """A character of more than four bytes sends all words of its text the slow way, whose rows are the same."""
    stored = read_classifier(model_path("pruned.ftz"))
    model = Classifier(stored)
    words = [answer.text for answer in read_answers("pruned.ftz")][:20]
    text = b" ".join([*words, b"q" + b"\x80" * 9, *words])
    assert model.find_rows(text).tolist() == find_rows(stored, text)


def test_many_at_once_are_as_each_alone() -> None:
    """In a list, the bytes of the next text are behind those of a text."""
    model = Classifier(read_classifier(model_path("pruned.ftz")))
    texts = [answer.text for answer in read_answers("pruned.ftz")] + words_of_every_length()
    ids, probabilities = model.predict_ids(texts, 3, threads=1)
    for number, text in enumerate(texts):
        own_ids, own = model.predict_ids([text], 3)
        assert ids[number].tolist() == own_ids[0].tolist()
        assert probabilities[number].tolist() == own[0].tolist()


def test_texts_with_newlines_among_others() -> None:
    model = Classifier(read_classifier(model_path("softmax-ngrams.bin")))
    texts = ["a b\nc", "d", "\n", "e\n\nf\n"] * 700
    ids, probabilities = model.predict_ids(texts, 2, threads=2)
    same_ids, same = model.predict_ids([text.replace("\n", " ") for text in texts], 2, threads=1)
    np.testing.assert_array_equal(ids, same_ids)
    np.testing.assert_array_equal(probabilities, same)


@pytest.mark.parametrize("word", [b"ab", b"", b"a-word-of-more-than-16-bytes"])
def test_an_entry_that_occurs_twice(word: bytes) -> None:
    stored = with_words("softmax.bin", [b"one", word, b"two", word])
    with pytest.raises(FormatError, match="must have each entry once, got entry 2 again as entry 4"):
        Classifier(stored)


def test_one_empty_entry_is_never_found() -> None:
    stored = with_words("softmax.bin", [b"", b"one"])
    assert Classifier(stored).find_rows(b"one one").tolist()[:2] == [1, 1]
