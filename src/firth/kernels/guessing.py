"""Room kernels: the loss of guessing: the mean loss of an example if every logit is zero, as before training.

Tests: tests/training/test_divergence.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.kernels.sides.side import Corpus
from firth.numerics.distributions import keep_probabilities
from firth.numerics.huffman import HuffmanTree


def guessing_loss(
    counts: NDArray[Any],
    config: TrainingConfig,
    *,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> float:
    """Mean training loss in nats if all logits are zero.

    Each output side has a formula (kernels/sides). Means over words are weighted by the counts after subsampling.

    Parameters
    ----------
    tree : HuffmanTree or None
        For hierarchical softmax.
    noise_distribution : float array, (V,), or None
        Weights of the noise words. None: the counts raised to ``noise_exponent``.
    """
    weights: NDArray[Any] = counts * keep_probabilities(counts, config.subsample)
    weights /= max(float(weights.sum()), np.finfo(float).tiny)  # all counts of a given vocabulary may be zero
    return config.objective.outputs.guessing_loss(Corpus(counts, weights, noise_distribution, tree), config)
