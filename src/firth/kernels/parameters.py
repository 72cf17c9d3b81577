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
    """Output side: negative-sampling, hierarchical-softmax or softmax."""

    dims: int
    """Numbers in a vector."""

    window: int
    """Context words on each side."""

    window_mode: str
    """Dynamic: each width from 1 to window as likely; fixed: the whole window; sequence: all of it."""

    window_side: str
    """Context on both sides of the centre, left of it, or right of it."""

    negatives: int
    """Noise words for each positive example."""

    negative_sharing: str
    """Noise words are drawn for a block of neighbouring windows, for each window, or for each pair."""

    target_collision: str
    """A noise word that equals the target: reject (draw another word), count (keep), drop (skip)."""

    noise_exponent: float
    """Noise words are drawn in proportion to count ** exponent."""

    subsample: float
    """Threshold of subsampling frequent words; 0 is off."""

    cbow_input: str
    """CBOW: mean or sum of the context's vectors."""

    cbow_update: str
    """CBOW: the true gradient, or word2vec's update."""

    learning_rate: float | None
    """At the start; default 0.025, CBOW by the gradient of the mean 0.075."""

    min_learning_rate: float | None
    """At the end; default 1e-4 of the learning rate."""

    subwords: bool
    """A word is the mean of its own row and the rows of its character n-grams."""

    min_ngram: int
    """Subwords: characters of the shortest n-gram."""

    max_ngram: int
    """Subwords: characters of the longest n-gram."""

    buckets: int | None
    """Subwords: rows that n-grams share; default: one for each n-gram, at most 2,000,000."""

    min_count: int
    """Leave out words seen less often."""

    max_vocabulary: int | None
    """Keep at most so many words, the most frequent ones."""

    epochs: int
    """Passes over the corpus."""

    threads: int | None
    """Default: the processors that this process may use."""

    seed: int
    """Decides every random draw."""

    deterministic: bool
    """The same vectors from any number of threads."""
