"""Shared by the tests of the kernels room: a corpus in which a few words are much more frequent than the others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # trajectory


class ZipfCorpus(NamedTuple):
    """One line of tokens; word ids fall in count."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]


def make_zipf_corpus(n_words: int, n_tokens: int, seed: int) -> ZipfCorpus:
    """Word k is drawn as often as 1 / (k + 1), whatever stands beside it."""
    shares = 1 / np.arange(1, n_words + 1)
    return draw_corpus(shares / shares.sum(), n_tokens, seed)


def draw_corpus(shares: NDArray[np.float64], n_tokens: int, seed: int) -> ZipfCorpus:
    """Word k is drawn with the probability ``shares[k]``; then the words are numbered by their counts."""
    n_words = len(shares)
    drawn = np.random.default_rng(seed).choice(n_words, n_tokens, p=shares)
    order = np.argsort(-np.bincount(drawn, minlength=n_words), kind="stable")
    ids = np.argsort(order)[drawn].astype(np.int32)
    return ZipfCorpus(ids, np.array([0, n_tokens]), np.bincount(ids, minlength=n_words).astype(np.int64))


@pytest.fixture(scope="session")
def long_tailed_corpus() -> ZipfCorpus:
    """3000 words, so many that a stretch of some thousand tokens hardly touches the rare ones."""
    return make_zipf_corpus(3000, 100_000, seed=17)


@pytest.fixture(scope="session")
def short_tailed_corpus() -> ZipfCorpus:
    """50 words, for full softmax, which touches a row of each word in every window.

    A stretch of 3000 tokens has each of the ten rarest words about once, so that they have no copies.
    """
    shares = np.concatenate([1 / np.arange(1, 41), np.full(10, 4e-4 * 4.3)])
    return draw_corpus(shares / shares.sum(), 100_000, seed=17)


@pytest.fixture(scope="session")
def zipf_corpus() -> ZipfCorpus:
    """300 words, of which the first is every sixth token."""
    return make_zipf_corpus(300, 100_000, seed=17)
