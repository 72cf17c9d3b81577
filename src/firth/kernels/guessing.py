"""Room kernels: the loss of guessing: what an example costs where every logit is zero, as before any training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.numerics.distributions import keep_probabilities, noise_probabilities


def guessing_loss(
    counts: NDArray[np.int64],
    *,
    loss: str,
    negatives: int,
    target_collision: str,
    noise_exponent: float,
    noise_distribution: NDArray[np.float64] | None,
    subsample: float,
    path_lengths: NDArray[np.int64] | None,
) -> float:
    """Mean training loss in nats of vectors that know nothing: all logits are zero.

    ``"negative-sampling"``: (K + 1) ln 2; with ``target_collision="drop"`` without the negatives that are dropped.
    ``"softmax"``: ln V. ``"hierarchical-softmax"``: the mean length of the words' Huffman codes, times ln 2. Means over
    words are weighted by their counts as subsampling leaves them.

    Parameters
    ----------
    path_lengths : int array, (V,), or None
        The lengths of the Huffman codes, for hierarchical softmax.
    noise_distribution : float array, (V,), or None
        Takes the place of the counts raised to ``noise_exponent``.
    loss, negatives, target_collision, noise_exponent, subsample : as in ``TrainingConfig``
    """
    if loss == "softmax":
        return math.log(len(counts))
    weights: NDArray[Any] = counts * keep_probabilities(counts, subsample)
    weights /= max(float(weights.sum()), np.finfo(float).tiny)  # a given vocabulary's counts may all be zero
    if path_lengths is not None:
        return float(weights @ path_lengths) * math.log(2)
    n_kept = float(negatives)
    if target_collision == "drop":
        noise = noise_probabilities(counts, noise_exponent) if noise_distribution is None else noise_distribution
        n_kept *= 1 - float(weights @ noise) / float(np.sum(noise))
    return (n_kept + 1) * math.log(2)
