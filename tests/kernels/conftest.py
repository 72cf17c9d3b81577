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
    drawn = np.random.default_rng(seed).choice(n_words, n_tokens, p=shares / shares.sum())
    order = np.argsort(-np.bincount(drawn, minlength=n_words), kind="stable")
    ids = np.argsort(order)[drawn].astype(np.int32)
    return ZipfCorpus(ids, np.array([0, n_tokens]), np.bincount(ids, minlength=n_words).astype(np.int64))


@pytest.fixture(scope="session")
def long_tailed_corpus() -> ZipfCorpus:
    """3000 words, so many that a stretch of some thousand tokens hardly touches the rare ones."""
    return make_zipf_corpus(3000, 100_000, seed=17)


@pytest.fixture(scope="session")
def zipf_corpus() -> ZipfCorpus:
    """300 words, of which the first is every sixth token."""
    return make_zipf_corpus(300, 100_000, seed=17)
