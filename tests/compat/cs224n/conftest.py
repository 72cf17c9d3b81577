"""The course's stand-in for a corpus, and made-up sentences that survive its subsampling."""

from __future__ import annotations

import random

import pytest


class FiveWords:
    """Five words, all alike, as in the course's test_word2vec."""

    words = "abcde"

    def sampleTokenIdx(self):
        return random.randint(0, 4)

    def getRandomContext(self, C):
        return self.words[random.randint(0, 4)], [self.words[random.randint(0, 4)] for _ in range(2 * C)]


class FiveWordsOfPython2(FiveWords):
    """The same, with the numbers that Python 2's ``randint`` drew from the same generator."""

    def sampleTokenIdx(self):
        return int(random.random() * 5)


@pytest.fixture
def five_words():
    return FiveWords()


@pytest.fixture
def five_words_of_python2():
    return FiveWordsOfPython2()


@pytest.fixture
def five_tokens():
    return {word: word_id for word_id, word in enumerate(FiveWords.words)}


@pytest.fixture(scope="session")
def made_up_sentences():
    """200 sentences of 20 words out of 40, the first ones frequent."""
    generator = random.Random(7)
    words = [f"w{number}" for number in range(40)]
    return [generator.choices(words, weights=range(40, 0, -1), k=20) for _ in range(200)]
