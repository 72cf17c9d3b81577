"""Room kernels: words as bags of rows: how many buckets n-grams share, which rows a word has, how often each moves.

The input matrix has a row for each word, then a row for each bucket, whether an n-gram of the vocabulary falls into it
or not: so the rows agree with fastText's files, and later words have rows too. native/cpp/train/bags.hpp
trains the bags; numerics/bags.py has the formulas.

Tests: tests/kernels/test_bags.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.base.ngrams import FASTTEXT_BUCKETS, NgramRules
from firth.base.words import WordBuffer
from firth.errors import ParameterError
from firth.kernels.config import TrainingConfig
from firth.native.ngrams import Bags, count_distinct_ngrams, make_bags
from firth.numerics.distributions import keep_probabilities

BAG_TOKENS = 64  # of a bag stretch: native/cpp/train/bags.hpp
RELAXATION = 4.0  # of a touch at learning rate 1, along the direction that settles first: native/cpp/train/settling.hpp

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WordBags:
    """The rows that each word of a vocabulary is the mean of.

    Attributes
    ----------
    words : WordBuffer
    rules : NgramRules
    bags : Bags
        The word's own row, which has the word's id, then the rows of its n-grams.
    """

    words: WordBuffer
    rules: NgramRules
    bags: Bags

    @classmethod
    def build(cls, words: WordBuffer, config: TrainingConfig) -> WordBags:
        """The bags of a vocabulary. ``config.buckets`` must be known: see :func:`with_buckets`."""
        assert config.buckets is not None
        rules = NgramRules(config.min_ngram, config.max_ngram, config.buckets)
        return cls(words, rules, make_bags(words, len(words), rules, n_threads=config.threads or 1))

    @property
    def n_rows(self) -> int:
        """Rows of the input matrix: words and buckets."""
        return len(self.words) + self.rules.buckets

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 array (V,): rows of each bag, repeats counted."""
        return np.diff(self.bags.offsets)

    def freeze_rows(self, frozen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows stay as they are so that the vectors of the frozen words do: every row of their bags."""
        rows = np.zeros(self.n_rows, np.bool_)
        rows[self.bags.rows[np.repeat(frozen, self.sizes)]] = True
        return rows

    def row_sums(self, of_words: Floats) -> Floats:
        """float64 array (n_rows,): for each row the sum over the words that have it, as often as they have it."""
        weights = np.repeat(of_words, self.sizes)
        return np.bincount(self.bags.rows, weights, minlength=self.n_rows).astype(np.float64)

    def word_means(self, of_rows: Floats) -> Floats:
        """float64 array (V,): for each word the mean over the rows of its bag."""
        return np.asarray(np.add.reduceat(of_rows[self.bags.rows], self.bags.offsets[:-1]) / self.sizes)

    def touches(self, of_words: Floats) -> tuple[Floats, Floats]:
        """How often hidden vectors and rows are moved, from how often words are touched.

        A touch of a word moves all rows of its bag by the word's step d, and so the hidden vector of another word by
        the shared part of d. Hidden vectors, (V,): touches of all words, by that part. Rows, (n_rows,): the mean of
        this over the touches of the row.
        """
        of_rows = self.row_sums(of_words)
        hidden = self.word_means(of_rows)
        with np.errstate(invalid="ignore"):
            rows = np.where(of_rows > 0, self.row_sums(of_words * hidden) / of_rows, 0.0)
        return hidden, rows

    def step_gain(self, kept: Floats, reach: int) -> float:
        """Expected gain of a bag stretch: how far a hidden vector goes, in steps of its own (numerics/bags.py).

        Parameters
        ----------
        kept : float64 array, (V,)
            Of each word, its share of the tokens after subsampling, in shares of all tokens.
        reach : int
            Context words on both sides of a stretch.
        """
        in_stretch = -np.expm1((BAG_TOKENS + reach) * np.log1p(-np.minimum(kept, 1 - 1e-9)))
        bags_with_row = self.row_sums(in_stretch)
        # Given that the word is in the stretch: itself for certain, the others as expected.
        gains = 1 + np.maximum(self.word_means(bags_with_row) - in_stretch, 0)
        return float(kept @ gains / kept.sum())


def pack_vocabulary(words: Iterable[str]) -> WordBuffer:
    """The words of a vocabulary as n-grams are cut from them."""
    return WordBuffer.pack(word.encode("utf-8", "surrogatepass") for word in words)


def with_buckets(config: TrainingConfig, words: Iterable[str]) -> TrainingConfig:
    """The configuration with the number of buckets decided: as many as the vocabulary has n-grams, 2,000,000 at most.

    With n n-grams in n buckets each n-gram meets, on average, one other of the vocabulary; most of these occur in one
    word each. fastText takes 2,000,000 always.
    """
    if not config.subwords or config.buckets is not None:
        return config
    rules = NgramRules(config.min_ngram, config.max_ngram, 1)
    n_ngrams = count_distinct_ngrams(pack_vocabulary(words), rules, n_threads=config.threads or 1)
    if n_ngrams == 0:
        raise ParameterError(
            f"min_ngram must leave the words an n-gram, got {config.min_ngram}: no word of the vocabulary has so many"
            " characters with the two marks at its ends; lower min_ngram, or train without subwords"
        )
    return config.with_values(buckets=min(n_ngrams, FASTTEXT_BUCKETS))


def choose_bag_step(bags: WordBags, counts: NDArray[np.int64], config: TrainingConfig, context: float) -> float:
    """What the step of a bag's rows is multiplied by: 1, or less where words of a stretch would overshoot together.

    In a stretch a hidden vector goes the share r = 1 - exp(-4 learning_rate touches) of the way to its equilibrium, and
    the words that share its rows take it further, ``gain`` times as far. The factor is min(1, 1 / (r gain)): the error
    never changes its sign.
    """
    assert config.learning_rate is not None
    kept = counts / max(1, counts.sum()) * keep_probabilities(counts, config.subsample)
    touches = 1.0 if config.objective.inputs.divides_step(config) else context
    share = -np.expm1(-RELAXATION * config.learning_rate * touches)
    return float(min(1.0, 1.0 / (share * bags.step_gain(kept, round(context)))))


__all__ = ["BAG_TOKENS", "WordBags", "choose_bag_step", "pack_vocabulary", "with_buckets"]
