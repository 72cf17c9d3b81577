"""Room compat: computes a whole batch of the course's word2vec, with the wrapper's draws in the same order.

For every context word, the course's wrapper builds three dense arrays of the size of the vocabulary. This module draws
the whole batch first, computes all predictions in one call of numerics, and returns only the rows that were used.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compat.cs224n.treebank import StanfordSentiment
from firth.compat.cs224n.word2vec import BATCH_SIZE, getNegativeSamples, split_vectors
from firth.errors import ParameterError
from firth.numerics.gradients import RowGradient
from firth.numerics.predictions import negative_sampling_losses

WORD_BITS = 32  # bits of an output of the Mersenne Twister


class SkipgramBatch(NamedTuple):
    """The ids of the P predictions of a batch, in the order of the draws.

    Attributes
    ----------
    center_ids : int64 array, (P,)
        Words whose input vectors predict.
    context_ids : int64 array, (P,)
        Context words, which are predicted.
    negative_ids : int64 array, (P, K)
    """

    center_ids: NDArray[np.int64]
    context_ids: NDArray[np.int64]
    negative_ids: NDArray[np.int64]


def word2vec_batch(
    tokens: Mapping[Any, int], wordVectors: Any, dataset: Any, C: int, K: int = 10
) -> tuple[float, RowGradient]:
    """Mean cost of 50 random skip-gram windows under negative sampling, and its gradient.

    Equals ``word2vec_sgd_wrapper(skipgram, tokens, wordVectors, dataset, C, negSamplingCostAndGradient)`` with the same
    draws, up to rounding, because the terms are added in another order. :func:`~firth.compat.cs224n.sgd` accepts it.

    Parameters
    ----------
    tokens : mapping from words to ids
    wordVectors : float array, (2 V, D)
        The input vectors, then below them the output vectors.
    dataset : offers ``getRandomContext(C)`` and ``sampleTokenIdx()``
        With a :class:`~firth.compat.cs224n.StanfordSentiment` and its own tokens, the draws are made in bulk.
    C : int
        The largest half-width of a window.
    K : int
        Number of negatives of each prediction.

    Returns
    -------
    cost : float
    gradient : RowGradient of ``wordVectors``
    """
    input_vectors, output_vectors = split_vectors(wordVectors)
    batch = draw_skipgram_batch(dataset, tokens, C, K)
    losses, input_gradients, output_gradient = negative_sampling_losses(
        input_vectors[batch.center_ids], output_vectors, batch.context_ids, batch.negative_ids
    )
    input_gradient = RowGradient.accumulate(batch.center_ids, input_gradients)
    row_ids = np.concatenate([input_gradient.row_ids, output_gradient.row_ids + len(input_vectors)])
    rows = np.concatenate([input_gradient.rows, output_gradient.rows])
    return float(losses.sum() / BATCH_SIZE), RowGradient(row_ids, rows / BATCH_SIZE)


def draw_skipgram_batch(
    dataset: Any, tokens: Mapping[Any, int], C: int, K: int, n_windows: int = BATCH_SIZE
) -> SkipgramBatch:
    """Draw a batch of windows and negatives; draws and final state of ``random`` are those of the course's wrapper.

    For each window, draw the half-width, the sentence and the position (again while the window has no other word). Then
    draw ``K`` negatives for each context word; a draw that equals the context word is repeated.
    """
    if C < 1:
        raise ParameterError(f"C must be at least 1, got {C}")
    if K < 0:
        raise ParameterError(f"K must not be negative, got {K}")
    if _draws_in_bulk(dataset, tokens):
        return _draw_in_bulk(dataset, C, K, n_windows)
    center_ids: list[int] = []
    context_ids: list[int] = []
    negative_ids: list[list[int]] = []
    for _ in range(n_windows):
        center, context = dataset.getRandomContext(random.randint(1, C))
        for word in context:
            center_ids.append(tokens[center])
            context_ids.append(tokens[word])
            negative_ids.append(getNegativeSamples(tokens[word], dataset, K))
    return _as_batch(center_ids, context_ids, negative_ids, K)


def _draws_in_bulk(dataset: Any, tokens: Mapping[Any, int]) -> bool:
    """Whether the dataset draws like StanfordSentiment, and has already drawn its subsampled corpus."""
    return (
        type(dataset) is StanfordSentiment
        and not {"getRandomContext", "sampleTokenIdx"} & vars(dataset).keys()
        and tokens is dataset.tokens()
        and dataset.draws_only_when_asked()
    )


def _draw_in_bulk(dataset: StanfordSentiment, C: int, K: int, n_windows: int) -> SkipgramBatch:
    state = random.getstate()
    n_outputs = n_windows * (8 + 3 * C * K) + 64
    while True:
        # getrandbits of many words is the concatenation of the generator's outputs, the first one least significant.
        outputs = random.getrandbits(WORD_BITS * n_outputs).to_bytes(WORD_BITS // 8 * n_outputs, "little")
        try:
            batch, n_used = _parse_outputs(np.frombuffer(outputs, "<u4"), dataset, C, K, n_windows)
        except _OutputsExhaustedError:
            n_outputs *= 2
            batch = None
        random.setstate(state)
        if batch is not None:
            if n_used:
                random.getrandbits(WORD_BITS * n_used)
            return batch


class _OutputsExhaustedError(Exception):
    """The generator's outputs that were read in advance are too few for the batch."""


def _parse_outputs(
    outputs: NDArray[np.uint32], dataset: StanfordSentiment, C: int, K: int, n_windows: int
) -> tuple[SkipgramBatch, int]:
    """The batch that ``random.randint`` would draw from these outputs, and the number of outputs it uses.

    ``randint(a, b)`` takes as many upper bits of an output as b - a + 1 has. If they are not below b - a + 1, it takes
    the next output.
    """
    sentences = dataset.id_sentences()
    table = dataset.sampleTable()
    words = outputs.tolist()
    n_outputs = len(words)

    # Every output as an entry of the noise table: accepted ones, their indices, and the number before each index.
    entries = outputs >> np.uint32(WORD_BITS - len(table).bit_length())
    accepted = entries < len(table)
    places = np.flatnonzero(accepted)
    drawn_ids = table[entries[places]].tolist()
    n_before: NDArray[np.int64] = np.cumsum(accepted) - accepted
    n_drawn = len(drawn_ids)

    n_sentences = len(sentences)
    reach_shift = WORD_BITS - C.bit_length()
    sentence_shift = WORD_BITS - n_sentences.bit_length()
    place = 0

    def below(bound: int, shift: int) -> int:
        nonlocal place
        while place < n_outputs:
            value: int = words[place] >> shift
            place += 1
            if value < bound:
                return value
        raise _OutputsExhaustedError

    center_ids: list[int] = []
    context_ids: list[int] = []
    negative_ids: list[list[int]] = []
    for _ in range(n_windows):
        reach = 1 + below(C, reach_shift)
        context: list[int] = []
        while not context:
            sentence = sentences[below(n_sentences, sentence_shift)]
            n_words = len(sentence)
            position = below(n_words, WORD_BITS - n_words.bit_length())
            center = sentence[position]
            window = sentence[max(0, position - reach) : position] + sentence[position + 1 : position + reach + 1]
            context = [word for word in window if word != center]
        center_ids += [center] * len(context)
        context_ids += context
        if K == 0:
            negative_ids += [[] for _ in context]
            continue
        if place >= n_outputs:
            raise _OutputsExhaustedError
        first = int(n_before[place])
        for target in context:
            last = first + K
            negatives = drawn_ids[first:last]
            while target in negatives:
                negatives = [drawn for drawn in negatives if drawn != target]
                n_missing = K - len(negatives)
                negatives += drawn_ids[last : last + n_missing]
                last += n_missing
            first = last
            negative_ids.append(negatives)
        if first > n_drawn:  # slices end where the outputs do
            raise _OutputsExhaustedError
        place = int(places[first - 1]) + 1
    return _as_batch(center_ids, context_ids, negative_ids, K), place


def _as_batch(center_ids: list[int], context_ids: list[int], negative_ids: list[list[int]], K: int) -> SkipgramBatch:
    return SkipgramBatch(
        np.array(center_ids, dtype=np.int64),
        np.array(context_ids, dtype=np.int64),
        np.array(negative_ids, dtype=np.int64).reshape(len(context_ids), K),
    )
