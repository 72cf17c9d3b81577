"""Room kernels: how often rows are touched, and what follows for threads that learn on copies of them.

``touch_rates`` says which rows a thread of lock-free training should have copies of (native/cpp/replicas.hpp), and
``choose_shard_tokens`` how long a shard of deterministic training may run before the shards' work is brought together.

In a round of deterministic training, shards learn on copies of rows as the round found them; then their differences are
added (damped, see native/cpp/deterministic.hpp). A row that many shards move far towards the same place overshoots, and
with small vocabularies that diverges. What a row is moved by in a round grows with

    load = learning_rate * (terms of the gradient that fall on the row in a round)

so the length of a shard is chosen such that the busiest row's load stays below a limit. Measured on 9,835 shop baskets
(169 items, whole-sequence windows, all objectives): stable at twice the limit taken here, divergent at four times it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.corpus.plan import UNIT_BORDER, part_words
from firth.numerics.distributions import keep_probabilities, noise_probabilities
from firth.numerics.huffman import HuffmanTree

MAX_LOAD = 25.0  # learning rate times terms: 1000 terms a round at 0.025
MAX_SHARD_TOKENS = 960  # native/cpp/plan.hpp plans 1024 tokens at once; whole blocks
SOFTMAX_TERMS = 6.0  # of an input row: its V coefficients add up to no more than two, spread over few rows
CBOW_TERMS = 4.0  # a pooled input moves all its rows the same way (measured: diverges at a quarter of skip-gram's load)
ROOT_SHARE = 0.2  # a Huffman tree's root is in every path, and moves less for each term (measured: a fifth)


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
    *,
    architecture: str,
    loss: str,
    window: int,
    window_mode: str,
    window_side: str,
    negatives: int,
    negative_sharing: str,
    noise_exponent: float,
    noise_distribution: NDArray[np.float64] | None,
    subsample: float,
    tree: HuffmanTree | None,
) -> TouchRates:
    """Expected touches of every row, from the counts and the configuration alone."""
    kept = counts / max(1, counts.sum()) * keep_probabilities(counts, subsample)
    centers = float(kept.sum())
    context = _mean_context(offsets, centers, window, window_mode, window_side)
    units = 1.0  # of a window
    if architecture == "skipgram":
        by_pair = loss == "negative-sampling" and negative_sharing == "pair"
        units = max(1.0, context / (1 if by_pair else part_words(loss, int(context))))
    pairs = context / units if architecture == "skipgram" else 1.0
    if loss == "negative-sampling":
        noise = noise_probabilities(counts, noise_exponent) if noise_distribution is None else noise_distribution
        outputs = units * (kept + negatives * centers * noise / noise.sum())
    elif tree is not None:
        outputs = units * np.bincount(tree.node_ids, np.repeat(kept, np.diff(tree.offsets)), minlength=tree.n_nodes)
    else:
        outputs = np.full(len(counts), units * centers)
    return TouchRates(kept * context, outputs, centers, context, pairs)


def choose_shard_tokens(
    rates: TouchRates,
    *,
    shards: int,
    architecture: str,
    loss: str,
    negatives: int,
    cbow_input: str,
    cbow_update: str,
    learning_rate: float,
    largest_weight: float,
    tree: HuffmanTree | None,
) -> int:
    """Tokens of one shard: as many as keep the busiest row's load below ``MAX_LOAD``, 1 to ``MAX_SHARD_TOKENS``.

    Shards are whole blocks of 64 tokens, or a power of two below that, so that few units of windows are divided. A
    function of the corpus and the configuration alone, so that every run and every resumed run chooses the same.
    """
    is_cbow = architecture == "cbow"
    busiest_word = float(rates.inputs.max()) / rates.context
    input_terms = {"negative-sampling": 1.0 + negatives, "softmax": SOFTMAX_TERMS, "hierarchical-softmax": 0.0}[loss]
    output_rate = busiest_word
    if loss == "negative-sampling":
        output_rate = float(rates.outputs.max())
    elif tree is not None:
        kept = rates.inputs / rates.context
        input_terms = float(np.average(np.diff(tree.offsets), weights=kept + 1e-12))
        output_rate = ROOT_SHARE * rates.centers

    divided = is_cbow and (cbow_input == "mean") == (cbow_update == "gradient")
    input_load = busiest_word * input_terms * (1.0 if divided else rates.context)
    output_load = output_rate * rates.pairs
    load_per_token = learning_rate * largest_weight * max(input_load, output_load) * (CBOW_TERMS if is_cbow else 1.0)
    if load_per_token <= 0:
        return MAX_SHARD_TOKENS
    tokens = int(np.clip(MAX_LOAD / (shards * load_per_token), 1, MAX_SHARD_TOKENS))
    return tokens // UNIT_BORDER * UNIT_BORDER or 1 << (tokens.bit_length() - 1)


def _mean_context(
    offsets: NDArray[np.int64], kept_rate: float, window: int, window_mode: str, window_side: str
) -> float:
    """Expected context words of a kept center, no less."""
    lengths = np.diff(offsets).astype(np.float64)
    whole = float((lengths**2).sum() / max(1.0, lengths.sum())) * kept_rate  # of the sequence a token finds itself in
    one_side = {"dynamic": (window + 1) / 2, "fixed": float(window), "sequence": whole / 2}[window_mode]
    return max(1.0, min(one_side * (2 if window_side == "both" else 1), whole))
