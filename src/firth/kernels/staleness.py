"""Room kernels: how often rows are touched, and what follows for workers that learn on copies of them.

``merge_factor`` is the law by which copies are added up; native code has its twin (native/cpp/train/merging.hpp), and
docs/merging.md derives it. ``touch_rates`` says which rows a thread of lock-free training should have copies of
(native/cpp/train/replicas.hpp), and ``choose_shard_tokens`` how long a shard of deterministic training may run before
the shards' copies are added up.

In a round of deterministic training, shards learn on copies of rows as the round found them; then their differences are
added by the law. A row that many shards move far towards the same place overshoots, and with small vocabularies that
diverges. What a row is moved by in a round grows with

    load = learning_rate * (terms of the gradient that fall on the row in a round)

so the length of a shard is chosen such that the busiest row's load stays below a limit. Measured on 9,835 shop baskets
(169 items, whole-sequence windows, all objectives): stable at twice the limit taken here, divergent at four times it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.kernels.config import TrainingConfig
from firth.kernels.plan import UNIT_BORDER
from firth.kernels.sides.side import Corpus
from firth.numerics.distributions import keep_probabilities
from firth.numerics.huffman import HuffmanTree

RELAXATION = 4.0  # of a touch at learning rate 1, along the direction that settles first
MARGIN = 0.85
DAMPING = 0.25
MAX_LOAD = 25.0  # learning rate times terms: 1000 terms a round at 0.025
MAX_SHARD_TOKENS = 960  # native/cpp/plan/plan.hpp plans 1024 tokens at once; whole blocks


def merge_factor(step: float, copies: int, delay: int) -> float:
    """What the summed differences of copies of a row are multiplied by when they are added to the row.

    f = min(m^-DAMPING, gain(d) / (m r)),  r = 1 - exp(-RELAXATION step),
    gain(d) = min(1, MARGIN limit(d)),  limit(d) = 2 sin(pi / (2 (2 d + 1)))

    Parameters
    ----------
    step : float >= 0
        Learning rate times the touches of one copy.
    copies : int >= 1
        m: copies that are added at once, none of which saw what the others learned.
    delay : int >= 0
        d: merges of other workers between the moment when the copies were taken and this merge.

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
    """How often rows are touched, per token of the corpus, on average; a row that a unit has twice counts twice.

    Attributes
    ----------
    inputs : float64 array, (V,)
        By the contexts of windows: the places of the word in them.
    outputs : float64 array, (n_output_rows,)
        By units (windows, or the parts of wide ones; with negatives by pair, pairs): as target or negative, or as a
        node of the target's path.
    centers : float
        Windows: kept tokens.
    context : float
        Context words of a window.
    pairs : float
        Context words of one unit; 1 with CBOW: terms of the gradient that a unit adds to an output row.
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
    """Expected touches of every row, from the counts and the configuration alone."""
    corpus = _corpus(counts, config, noise_distribution, tree)
    inputs, outputs = config.objective.inputs, config.objective.outputs
    centers = float(corpus.kept.sum())
    context = _mean_context(offsets, centers, config)
    units, pairs = 1.0, 1.0  # units of a window, context words of a unit
    if inputs.takes_parts:
        units = max(1.0, context / outputs.part_words(config, int(context)))
        pairs = context / units
    return TouchRates(corpus.kept * context, outputs.touches(corpus, config, units), centers, context, pairs)


def choose_shard_tokens(
    rates: TouchRates,
    counts: NDArray[np.int64],
    config: TrainingConfig,
    *,
    shards: int,
    largest_weight: float,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: HuffmanTree | None = None,
) -> int:
    """Tokens of one shard: as many as keep the busiest row's load below ``MAX_LOAD``, 1 to ``MAX_SHARD_TOKENS``.

    Shards are whole blocks of 64 tokens, or a power of two below that, so that few units of windows are divided. A
    function of the corpus and the configuration alone, so that every run and every resumed run chooses the same.
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
    counts: NDArray[np.int64],
    config: TrainingConfig,
    noise_distribution: NDArray[np.float64] | None,
    tree: HuffmanTree | None,
) -> Corpus:
    kept = counts / max(1, counts.sum()) * keep_probabilities(counts, config.subsample)
    return Corpus(counts, kept, noise_distribution, tree)


def _mean_context(offsets: NDArray[np.int64], kept_rate: float, config: TrainingConfig) -> float:
    """Expected context words of a kept center, no less."""
    lengths = np.diff(offsets).astype(np.float64)
    whole = float((lengths**2).sum() / max(1.0, lengths.sum())) * kept_rate  # of the sequence a token finds itself in
    window = config.window
    one_side = {"dynamic": (window + 1) / 2, "fixed": float(window), "sequence": whole / 2}[config.window_mode]
    return max(1.0, min(one_side * (2 if config.window_side == "both" else 1), whole))
