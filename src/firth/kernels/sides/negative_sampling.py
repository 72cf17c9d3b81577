"""Room kernels: output side negative sampling: a logistic loss on the target and on drawn noise words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.kernels.sides.side import PART_WORDS, Config, Corpus, OutputSide
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
    """(K + 1) ln 2; with ``target_collision="drop"`` without the negatives that are dropped."""
    n_kept = float(config.negatives)
    if config.target_collision == "drop":
        noise = _noise(corpus, config)
        n_kept *= 1 - float(corpus.kept @ noise) / float(np.sum(noise))
    return (n_kept + 1) * math.log(2)


def part_words(config: Config, n_context: int) -> int:
    """Context words of one unit of skip-gram at most, for a window with ``n_context`` of them.

    The gradients of a unit's words are added into one step. The sum over a whole sequence of hundreds of words
    overshoots and diverges, so a wide window is divided into parts, each of which is a unit. A part has the most words
    p for which p^4 n_context^3 <= 20^7: a wider window has smaller parts. So the training loss stays near the loss of
    single pairs (measured: docs/training.md). With negatives by pair, a part is a word.
    """
    if config.negative_sharing == "pair":
        return 1
    return next(p for p in range(PART_WORDS, 0, -1) if p == 1 or p**4 * n_context**3 <= PART_WORDS**7)


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
