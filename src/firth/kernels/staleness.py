"""Room kernels: computes how often rows are touched, and the rules for workers that train copies of rows.

``merge_factor`` is the law that merges copies. Its native twin is native/cpp/train/merging.hpp, and docs/merging.md
derives it. ``touch_rates`` decides which rows a thread of lock-free training has copies of
(native/cpp/train/replicas.hpp). ``choose_shard_tokens`` decides the length of a shard of deterministic training.

In a round of deterministic training, each shard trains copies of the rows at the start of the round. The differences of
the copies are then added by the law. If many shards move a row far in the same direction, the row overshoots; with
small vocabularies the run then diverges. The step of a row in a round grows with

    load = learning_rate * (number of terms of the gradient for the row in a round)

Therefore the length of a shard is chosen such that the load of the busiest row is below a limit. Measured on 9,835 shop
baskets (169 items, whole-sequence windows, all objectives): stable at twice this limit, divergent at four times it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.kernels.plan import UNIT_BORDER
from firth.kernels.sides.side import Corpus
from firth.numerics.distributions import keep_probabilities
from firth.numerics.huffman import HuffmanTree

RELAXATION = 4.0  # rate of convergence of a touch at learning rate 1, along the direction that converges fastest
MARGIN = 0.85
DAMPING = 0.25
MAX_LOAD = 25.0  # learning rate times terms: 1000 terms a round at 0.025
_PAIRS_AT_ONCE = 1 << 20
MAX_SHARD_TOKENS = 960  # a multiple of UNIT_BORDER below the 1,024 tokens of a native chunk


def merge_factor(step: float, copies: int, delay: int) -> float:
    """Factor of the summed differences of the copies of a row when they are added to the row.

    f = min(m^-DAMPING, gain(d) / (m r)),  r = 1 - exp(-RELAXATION step),
    gain(d) = min(1, MARGIN limit(d)),  limit(d) = 2 sin(pi / (2 (2 d + 1)))

    Parameters
    ----------
    step : float >= 0
        Learning rate times the touches of one copy.
    copies : int >= 1
        m, the number of copies that are added at once. No copy has the updates of another copy.
    delay : int >= 0
        d, the number of merges of other workers between the copying of the row and this merge.

    References
    ----------
    Levin, May (1976), A note on difference-delay equations, Theoretical Population Biology 9.
    """
    settled_share = -math.expm1(-RELAXATION * step)
    damped: float = math.pow(copies, -DAMPING)
    if settled_share == 0:
        return damped
    gain = min(1.0, MARGIN * 2 * math.sin(math.pi / (2 * (2 * delay + 1))))
    return min(damped, gain / (copies * settled_share))


@dataclass(frozen=True)
class TouchRates:
    """How often rows are touched, per token of the corpus, on average. A row that occurs twice in a unit counts twice.

    Attributes
    ----------
    inputs : float64 array, (V,)
        Occurrences of each word in the contexts of windows.
    outputs : float64 array, (n_output_rows,)
        Occurrences of each output row in units, as target, negative or node of the target's path. A unit is a window, a
        part of a wide window, or, with negatives by pair, a pair.
    centers : float
        Number of windows, which is the number of kept tokens.
    context : float
        Context words of a window.
    pairs : float
        Number of terms of the gradient that a unit adds to an output row: context words of a unit; 1 with CBOW.
    """

    inputs: NDArray[np.float64]
    outputs: NDArray[np.float64]
    centers: float
    context: float
    pairs: float


def touch_rates(
    counts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    config: TrainingConfig,
    *,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> TouchRates:
    """Expected touches of every row. They depend only on the counts, the lengths of sequences and the configuration."""
    corpus = _corpus(counts, config, noise_distribution, tree)
    context = _mean_context(offsets, float(corpus.kept.sum()), config)
    return _rates_of(corpus, config, corpus.kept * context, context)


def document_touch_rates(
    counts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    tag_offsets: NDArray[np.int64],
    tag_rows: NDArray[np.int32],
    n_input_rows: int,
    with_words: bool,
    config: TrainingConfig,
    *,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> TouchRates:
    """Expected touches of every row if the tokens of documents are predicted from tags, and from their windows."""
    corpus = _corpus(counts, config, noise_distribution, tree)
    centers, n_tokens = float(corpus.kept.sum()), max(1, int(offsets[-1]))
    lengths = np.repeat(np.diff(offsets), np.diff(tag_offsets))
    inputs = np.bincount(tag_rows, lengths * (centers / n_tokens), minlength=n_input_rows).astype(np.float64)
    context = float(lengths.sum()) / n_tokens
    if with_words:
        words = _mean_context(offsets, centers, config)
        inputs[: len(counts)] += corpus.kept * words
        context += words
    return _rates_of(corpus, config, inputs, max(1.0, context))


def pair_touch_rates(
    inputs: NDArray[np.int32],
    targets: NDArray[np.int32],
    counts: NDArray[Any],
    input_counts: NDArray[Any],
    config: TrainingConfig,
    *,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> TouchRates:
    """Expected touches of every row by pairs of an input row and a target. A touch counts once, whatever its weight.

    ``counts`` and ``input_counts`` are sums of weights, if pairs have weights.
    """
    keeps_inputs, keeps_targets = (keep_probabilities(many, config.subsample) for many in (input_counts, counts))
    kept_inputs, kept_targets = np.zeros(len(input_counts)), np.zeros(len(counts))
    for start in range(0, len(inputs), _PAIRS_AT_ONCE):
        own_inputs, own_targets = inputs[start : start + _PAIRS_AT_ONCE], targets[start : start + _PAIRS_AT_ONCE]
        kept = keeps_inputs[own_inputs] * keeps_targets[own_targets]
        kept_inputs += np.bincount(own_inputs, kept, minlength=len(kept_inputs))
        kept_targets += np.bincount(own_targets, kept, minlength=len(kept_targets))
    corpus = Corpus(counts, kept_targets / len(inputs), noise_distribution, tree)
    return _rates_of(corpus, config, kept_inputs / len(inputs), 1.0)


def _rates_of(corpus: Corpus, config: TrainingConfig, inputs: NDArray[np.float64], context: float) -> TouchRates:
    sides, outputs = config.objective.inputs, config.objective.outputs
    units, pairs = 1.0, 1.0  # units of a window, context words of a unit
    if sides.takes_parts:
        units = max(1.0, context / outputs.part_words(config, int(context)))
        pairs = context / units
    return TouchRates(inputs, outputs.touches(corpus, config, units), float(corpus.kept.sum()), context, pairs)


def choose_shard_tokens(
    rates: TouchRates,
    counts: NDArray[Any],
    config: TrainingConfig,
    *,
    shards: int,
    largest_weight: float,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> int:
    """Tokens of one shard, 1 to ``MAX_SHARD_TOKENS``: the most for which the busiest row's load is below ``MAX_LOAD``.

    The result is a multiple of 64 tokens, or a power of two below 64, so that shards divide few units of windows. It
    depends only on the corpus and the configuration, so every run and every resumed run has the same shards.
    """
    assert config.learning_rate is not None
    corpus = _corpus(counts, config, noise_distribution, tree)
    inputs, outputs = config.objective.inputs, config.objective.outputs
    busiest_word = float(rates.inputs.max()) / rates.context
    input_load = busiest_word * outputs.input_terms(corpus, config)
    if not inputs.divides_step(config):
        input_load *= rates.context
    output_load = outputs.busiest_output(corpus, config, rates.outputs) * rates.pairs
    load_per_token = config.learning_rate * largest_weight * max(input_load, output_load) * inputs.load
    if load_per_token <= 0:
        return MAX_SHARD_TOKENS
    tokens = int(np.clip(MAX_LOAD / (shards * load_per_token), 1, MAX_SHARD_TOKENS))
    return tokens // UNIT_BORDER * UNIT_BORDER or 1 << (tokens.bit_length() - 1)


def _corpus(
    counts: NDArray[Any],
    config: TrainingConfig,
    noise_distribution: NDArray[np.float64] | None,
    tree: HuffmanTree | None,
) -> Corpus:
    kept = counts / max(1, counts.sum()) * keep_probabilities(counts, config.subsample)
    return Corpus(counts, kept, noise_distribution, tree)


def _mean_context(offsets: NDArray[np.int64], kept_rate: float, config: TrainingConfig) -> float:
    """Expected number of context words of a kept center, at least 1."""
    lengths = np.diff(offsets).astype(np.float64)
    whole = float((lengths**2).sum() / max(1.0, lengths.sum())) * kept_rate  # kept tokens of a random token's sequence
    window = config.window
    one_side = {"dynamic": (window + 1) / 2, "fixed": float(window), "sequence": whole / 2}[config.window_mode]
    return max(1.0, min(one_side * (2 if config.window_side == "both" else 1), whole))
