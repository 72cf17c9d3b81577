"""Room kernels: output side negative sampling: a logistic loss on the target and on drawn noise words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.kernels.sides.side import Config, Corpus, OutputSide, narrowing_part_words
from firth.numerics.distributions import noise_probabilities


def _noise(corpus: Corpus, config: Config) -> NDArray[np.float64]:
    if corpus.noise_distribution is not None:
        return corpus.noise_distribution
    return noise_probabilities(corpus.counts, config.noise_exponent)


def _touches(corpus: Corpus, config: Config, units: float) -> NDArray[np.float64]:
    noise, centers = _noise(corpus, config), float(corpus.kept.sum())
    touches: NDArray[np.float64] = units * (corpus.kept + config.negatives * centers * noise / noise.sum())
    return touches


def _guessing_loss(corpus: Corpus, config: Config) -> float:
    """(K + 1) ln 2. With ``target_collision="drop"``, K is the expected number of negatives that are not dropped."""
    n_kept = float(config.negatives)
    if config.target_collision == "drop":
        noise = _noise(corpus, config)
        n_kept *= 1 - float(corpus.kept @ noise) / float(np.sum(noise))
    return (n_kept + 1) * math.log(2)


def part_words(config: Config, n_context: int) -> int:
    """1 if each pair has its noise set (``negative_sharing="pair"``), else ``narrowing_part_words``."""
    return 1 if config.negative_sharing == "pair" else narrowing_part_words(config, n_context)


SIDE = OutputSide(
    loss="negative-sampling",
    header="outputs_logistic.hpp",
    prediction="negative-sampling",
    touches=_touches,
    input_terms=lambda corpus, config: 1.0 + config.negatives,
    busiest_output=lambda corpus, config, outputs: float(outputs.max()),
    guessing_loss=_guessing_loss,
    needs_two_words_for="negatives to draw",
    least_negatives=1,
    draws_negatives=True,
    part_words=part_words,
)
