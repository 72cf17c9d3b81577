"""Room kernels: the parameters of TrainingConfig as keyword arguments, for type checkers and editors.

`make format` writes this file (tests/kernels/write_parameters.py): edit kernels/config.py instead.
"""

from __future__ import annotations

from typing import TypedDict


class TrainingParameters(TypedDict, total=False):
    """The keyword arguments of ``firth.train`` that say what is learned; ``firth.TrainingConfig`` documents them."""

    architecture: str
    """Input side: skipgram or cbow."""

    loss: str
    """Output side: negative-sampling, hierarchical-softmax, softmax or one-vs-all."""

    dims: int
    """Number of dimensions of a vector."""

    window: int
    """Context words on each side."""

    window_mode: str
    """Dynamic: a random width from 1 to window; fixed: the full window; sequence: the whole sequence."""

    window_side: str
    """Side of the centre word that has the context: both, left or right."""

    negatives: int
    """Noise words for each positive example."""

    negative_sharing: str
    """Noise words are drawn for a stretch of tokens (block), for each window, or for each pair."""

    target_collision: str
    """A noise word that equals the target: reject (draw another word), count (keep), drop (skip)."""

    noise_exponent: float
    """Noise words are drawn in proportion to count ** exponent."""

    subsample: float
    """Threshold of frequency above which words are subsampled; 0 keeps every word."""

    cbow_input: str
    """CBOW: mean or sum of the context words' vectors."""

    cbow_update: str
    """CBOW: the gradient of the loss, or the update of word2vec.c."""

    learning_rate: float | None
    """Learning rate at the start; default 0.025, for CBOW by the gradient of the mean 0.075; documents: twice."""

    min_learning_rate: float | None
    """Learning rate at the end; default 1e-4 of the learning rate at the start."""

    subwords: bool
    """The vector of a word is the mean of the word's row and the rows of its character n-grams."""

    min_ngram: int
    """Subwords: minimum number of characters of an n-gram."""

    max_ngram: int
    """Subwords: maximum number of characters of an n-gram."""

    buckets: int | None
    """Subwords: rows that n-grams share; default: one for each n-gram, at most 2,000,000."""

    min_count: int
    """Leave out words with a smaller count."""

    max_vocabulary: int | None
    """Maximum number of words; the most frequent words are kept."""

    epochs: int
    """Passes over the corpus."""

    threads: int | None
    """Number of threads; default: the number of processors that this process may use."""

    seed: int
    """Decides every random draw."""

    deterministic: bool
    """Train the same vectors with any number of threads; slower."""
