"""Room kernels: the integer thresholds that random words are compared with, from the distributions of numerics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.numerics.distributions import build_alias_table, keep_probabilities, noise_probabilities

WORD_RANGE = 2**32
NOISE_RANGE = 2**62  # about the sum of the noise's parts, which must stay below 2^64
NOISE_COLUMN = np.dtype([("threshold", np.uint32), ("alias", np.int32)])


@dataclass(frozen=True)
class PlanTables:
    """What random words are compared with.

    Attributes
    ----------
    keep_thresholds : uint32 array, (V,), or None
        A token of word w is kept where its random word is <= keep_thresholds[w]: with probability
        ceil(p 2^32) / 2^32 for p = numerics' keep_probabilities. None: everything is kept.
    noise : array of (threshold uint32, alias int32), (V,), or None
        A negative is column c where its coin is < threshold[c], alias[c] elsewhere. None: no negatives.
    noise_parts : uint64 array, (V + 1,), or None
        The noise as parts of [0, noise_parts[V]): word w has [noise_parts[w], noise_parts[w + 1]), of round(q(w) 2^62)
        numbers, and at least one if q(w) > 0. A draw that equals the target is drawn anew from the other parts.
    """

    keep_thresholds: NDArray[np.uint32] | None
    noise: NDArray[Any] | None
    noise_parts: NDArray[np.uint64] | None = None

    @classmethod
    def build(
        cls,
        counts: NDArray[np.int64],
        config: TrainingConfig,
        noise_distribution: NDArray[np.float64] | None = None,
    ) -> PlanTables:
        """Tables for a vocabulary's counts; of noise only where the loss draws negatives.

        ``noise_distribution`` takes the place of the counts raised to ``noise_exponent``.
        """
        keep = None
        if config.subsample > 0:
            probabilities = keep_probabilities(counts, config.subsample)
            keep = (np.minimum(np.ceil(probabilities * WORD_RANGE), WORD_RANGE) - 1).astype(np.uint32)
        noise = noise_parts = None
        if config.objective.outputs.draws_negatives:
            if noise_distribution is None:
                noise_distribution = noise_probabilities(counts, config.noise_exponent)
            table = build_alias_table(noise_distribution)
            noise = np.empty(len(counts), NOISE_COLUMN)
            # A threshold of one has no 32-bit integer; such a column is its own alias: the coin does not matter.
            noise["threshold"] = np.minimum(np.round(table.threshold * WORD_RANGE), WORD_RANGE - 1).astype(np.uint32)
            noise["alias"] = table.alias
            weights = np.asarray(noise_distribution, np.float64)  # valid, but perhaps of another sum than 1
            parts = np.round(weights / weights.sum() * NOISE_RANGE).astype(np.uint64)
            noise_parts = np.zeros(len(counts) + 1, np.uint64)
            np.cumsum(np.maximum(parts, weights > 0), out=noise_parts[1:])
        return cls(keep, noise, noise_parts)
