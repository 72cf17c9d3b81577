"""Shared by the tests of the training room: a small corpus in which there is something to learn."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))  # engines

N_TOPICS = 8
WORDS_PER_TOPIC = 25


def make_lines(n_lines: int, seed: int = 0, length: int = 12) -> list[list[str]]:
    """Sentences of one topic each: words of a topic keep each other company."""
    generator = np.random.default_rng(seed)
    topics = generator.integers(N_TOPICS, size=n_lines)
    ranks = np.arange(1, WORDS_PER_TOPIC + 1)
    probabilities = (1 / ranks) / (1 / ranks).sum()
    words = generator.choice(WORDS_PER_TOPIC, size=(n_lines, length), p=probabilities)
    return [[f"t{topic}w{word}" for word in row] for topic, row in zip(topics.tolist(), words.tolist(), strict=True)]


@pytest.fixture(scope="session")
def lines() -> list[list[str]]:
    return make_lines(1500)


@pytest.fixture(scope="session")
def many_lines() -> list[list[str]]:
    """Enough for the loss to be much the same whoever comes first."""
    return make_lines(10_000, seed=3)


@pytest.fixture(scope="session")
def corpus_file(lines: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(" ".join(line) for line in lines) + "\n", encoding="utf-8")
    return path
