"""Room kernels: makes the integer thresholds of random words from the distributions of numerics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.native.alias import make_alias_table
from firth.numerics.distributions import keep_probabilities, noise_probabilities, validate_weights

WORD_RANGE = 2**32
NOISE_RANGE = 2**62  # approximate sum of the parts of the noise; the sum must be below 2^64
NOISE_COLUMN = np.dtype([("threshold", np.uint32), ("alias", np.int32)])


@dataclass(frozen=True)
class PlanTables:
    """The integers with which random words are compared.

    Attributes
    ----------
    keep_thresholds : uint32 array, (V,), or None
        A token of word w is kept if its random word is <= keep_thresholds[w]. The probability is ceil(p 2^32) / 2^32,
        for p of ``keep_probabilities`` of numerics. None: every token is kept.
    noise : array of (threshold uint32, alias int32), (V,), or None
        A draw of column c with a coin < threshold[c] is the word c, otherwise the word alias[c]. None: no negatives.
    noise_parts : uint64 array, (V + 1,), or None
        The noise distribution as parts of [0, noise_parts[V]). The part of word w is
        [noise_parts[w], noise_parts[w + 1]). It has round(q(w) 2^62) integers, at least one if q(w) > 0. A draw that
        equals the target is drawn again from the other parts.
    noise_seed : int
        The seed of the noise words. All other draws have the seed of the configuration.
    input_keep_thresholds : uint32 array, (n_input_rows,), or None
        As ``keep_thresholds``, for the input row of a pair. None: every input row is kept.
    """

    keep_thresholds: NDArray[np.uint32] | None
    noise: NDArray[Any] | None
    noise_parts: NDArray[np.uint64] | None
    noise_seed: int
    input_keep_thresholds: NDArray[np.uint32] | None = None

    @classmethod
    def build(
        cls,
        counts: NDArray[Any],
        config: TrainingConfig,
        noise_distribution: NDArray[np.float64] | None = None,
        input_counts: NDArray[Any] | None = None,
    ) -> PlanTables:
        """Make the tables from the counts of a vocabulary; tables of noise only if the loss draws negatives.

        ``noise_distribution`` replaces the counts raised to ``noise_exponent``. ``input_counts`` are the counts of
        input rows, if a source subsamples them too.
        """
        keep = input_keep = None
        if config.subsample > 0:
            keep = _keep_thresholds(counts, config.subsample)
            input_keep = None if input_counts is None else _keep_thresholds(input_counts, config.subsample)
        noise = noise_parts = None
        if config.objective.outputs.draws_negatives:
            if noise_distribution is None:
                noise_distribution = noise_probabilities(counts, config.noise_exponent)
            weights = validate_weights("probabilities", noise_distribution)
            thresholds, aliases = make_alias_table(weights)
            noise = np.empty(len(counts), NOISE_COLUMN)
            # A threshold of 1 does not fit in 32 bits. The alias of such a column is the column, so the coin has no
            # effect.
            noise["threshold"] = np.minimum(np.round(thresholds * WORD_RANGE), WORD_RANGE - 1).astype(np.uint32)
            noise["alias"] = aliases
            parts = np.round(weights / weights.sum() * NOISE_RANGE).astype(np.uint64)
            noise_parts = np.zeros(len(counts) + 1, np.uint64)
            np.cumsum(np.maximum(parts, weights > 0), out=noise_parts[1:])
        return cls(keep, noise, noise_parts, config.seed, input_keep)


def _keep_thresholds(counts: NDArray[Any], subsample: float) -> NDArray[np.uint32]:
    probabilities = keep_probabilities(counts, subsample)
    return (np.minimum(np.ceil(probabilities * WORD_RANGE), WORD_RANGE) - 1).astype(np.uint32)
