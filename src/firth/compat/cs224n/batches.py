"""Room compat: a batch of the course's word2vec at once: the wrapper's draws in its order, its mathematics, sparse.

The course's wrapper builds three dense arrays of the size of the vocabulary for every context word; this one draws
the whole batch first, predicts it in one call of numerics, and returns the rows that were touched.
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

WORD_BITS = 32  # of one output of the Mersenne Twister


class SkipgramBatch(NamedTuple):
    """The ids of a batch's predictions, in the order drawn; P of them.

    Attributes
    ----------
    center_ids : int64 array, (P,)
        Whose input vector predicts.
    context_ids : int64 array, (P,)
        The context word that is predicted.
    negative_ids : int64 array, (P, K)
    """

    center_ids: NDArray[np.int64]
    context_ids: NDArray[np.int64]
    negative_ids: NDArray[np.int64]


def word2vec_batch(
    tokens: Mapping[Any, int], wordVectors: Any, dataset: Any, C: int, K: int = 10
) -> tuple[float, RowGradient]:
    """Mean cost of 50 random skip-gram windows under negative sampling, and its gradient.

    What ``word2vec_sgd_wrapper(skipgram, tokens, wordVectors, dataset, C, negSamplingCostAndGradient)`` returns, with
    the same draws, to rounding: the terms are added in another order. :func:`~firth.compat.cs224n.sgd` takes it.

    Parameters
    ----------
    tokens : mapping from words to ids
    wordVectors : float array, (2 V, D)
        The input vectors, then below them the output vectors.
    dataset : offers ``getRandomContext(C)`` and ``sampleTokenIdx()``
        With a :class:`~firth.compat.cs224n.StanfordSentiment` and its own tokens, the draws are made in bulk.
    C : int
        The largest reach.
    K : int
        Negatives of each prediction.

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
    """Draw a batch of windows and their negatives, as the course's wrapper does, and leave ``random`` as it does.

    For each window the reach, the sentence and the place (again while no other word stands in reach), then for each
    context word ``K`` negatives, each drawn again while it is that word.
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
    """Whether the dataset draws as StanfordSentiment does, and has made its own draws already."""
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
        # getrandbits of many words is the generator's outputs one after another, the first the least significant.
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
    """The generator's outputs that were read ahead do not reach to the batch's end."""


def _parse_outputs(
    outputs: NDArray[np.uint32], dataset: StanfordSentiment, C: int, K: int, n_windows: int
) -> tuple[SkipgramBatch, int]:
    """The batch that ``random.randint`` would draw from these outputs, and how many of them it uses.

    ``randint(a, b)`` takes as many of an output's upper bits as b - a + 1 has, and the next output while they are not
    below b - a + 1.
    """
    sentences = dataset.id_sentences()
    table = dataset.sampleTable()
    words = outputs.tolist()
    n_outputs = len(words)

    # Every output as an entry of the noise table: those accepted, their places, and how many come before a place.
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
