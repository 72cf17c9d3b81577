"""The texts of the tests of phrases: drawn words, among them words that belong together, some with connector words."""

from __future__ import annotations

import random

CONNECTORS = ("of", "the", "and")
PHRASES = (
    ("new", "york"),
    ("new", "york", "city"),
    ("new", "york", "city", "council"),
    ("bank", "of", "america"),
    ("state", "of", "the", "art"),
    ("rock", "and", "roll"),
    ("hot", "dog"),
    ("dog", "house"),
    ("aa", "aa"),
    ("naïve", "bayes"),
)


def make_sentences(seed: int = 1, n_sentences: int = 400) -> list[list[str]]:
    """Sentences of 0 to 20 tokens; words are drawn by Zipf's law, a phrase begins at one token of eight."""
    draw = random.Random(seed)
    words = [f"w{number}" for number in range(120)] + list(CONNECTORS) + ["new", "york", "dog", "america"]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    sentences = []
    for _ in range(n_sentences):
        sentence: list[str] = []
        n_tokens = draw.randrange(20)
        while len(sentence) < n_tokens:
            sentence += draw.choice(PHRASES) if draw.random() < 0.125 else draw.choices(words, weights)
        sentences.append(sentence)
    return sentences
