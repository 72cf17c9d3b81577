"""Room compat: the course's word2vec: one prediction, a window, and a batch of windows, with the course's draws."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ShapeError
from firth.numerics.gradients import RowGradient
from firth.numerics.predictions import negative_sampling_loss, softmax_loss

BATCH_SIZE = 50  # number of windows, fixed in the course's wrapper

CostAndGradient = Callable[..., tuple[Any, Any, Any]]


def softmaxCostAndGradient(predicted: Any, target: int, outputVectors: Any, dataset: Any) -> tuple[float, Any, Any]:
    """Cost of one prediction under the softmax over all words, and its gradients.

    cost = -log softmax(U v)_target, for v ``predicted`` and U ``outputVectors``.

    Parameters
    ----------
    predicted : float array, (D,); also (1, D) or (D, 1)
    target : int in [0, V)
    outputVectors : float array, (V, D)
    dataset : anything
        Not used. It makes the signature equal to that of :func:`negSamplingCostAndGradient`.

    Returns
    -------
    cost : float
    gradPred : float array of the shape of ``predicted``
    grad : float array, (V, D)

    See Also
    --------
    firth.numerics.predictions.softmax_loss : the formulas.
    """
    return _dense(softmax_loss(np.reshape(predicted, -1), outputVectors, target), predicted, outputVectors)


def getNegativeSamples(target: int, dataset: Any, K: int) -> list[int]:
    """``K`` word ids from ``dataset.sampleTokenIdx()``, in order; a draw that equals the target is repeated."""
    negatives = []
    for _ in range(K):
        drawn = dataset.sampleTokenIdx()
        while drawn == target:
            drawn = dataset.sampleTokenIdx()
        negatives.append(drawn)
    return negatives


def negSamplingCostAndGradient(
    predicted: Any, target: int, outputVectors: Any, dataset: Any, K: int = 10
) -> tuple[float, Any, Any]:
    """Cost of one prediction under negative sampling, and its gradients.

    cost = -log s(u_target . v) - sum_k log s(-u_{n_k} . v), for n the ``K`` draws of :func:`getNegativeSamples`. A
    word drawn n times counts n times.

    See :func:`softmaxCostAndGradient` for parameters and returns; ``dataset`` must have ``sampleTokenIdx()``.

    See Also
    --------
    firth.numerics.predictions.negative_sampling_loss : the formulas.
    """
    negatives = np.array(getNegativeSamples(target, dataset, K), dtype=np.int64)
    prediction = negative_sampling_loss(np.reshape(predicted, -1), outputVectors, target, negatives)
    return _dense(prediction, predicted, outputVectors)


def skipgram(
    currentWord: Any,
    C: int,
    contextWords: Sequence[Any],
    tokens: Mapping[Any, int],
    inputVectors: Any,
    outputVectors: Any,
    dataset: Any,
    word2vecCostAndGradient: CostAndGradient = softmaxCostAndGradient,
) -> tuple[Any, Any, Any]:
    """Cost of a skip-gram window, *summed* over its context words, and its gradients.

    Each context word is predicted from the center's input vector, in the order of ``contextWords``.

    Parameters
    ----------
    currentWord : word
        The center.
    C : int
        The half-width of the window. Not used, because ``contextWords`` has the words of the window.
    contextWords : sequence of words
        A word that occurs n times counts n times.
    tokens : mapping from words to ids
    inputVectors, outputVectors : float arrays, (V, D)
    dataset : passed on to ``word2vecCostAndGradient``
    word2vecCostAndGradient : function
        :func:`softmaxCostAndGradient`, :func:`negSamplingCostAndGradient`, or one of your own.

    Returns
    -------
    cost : float
    gradIn, gradOut : float arrays, (V, D)
    """
    cost: Any = 0.0
    gradIn = np.zeros(np.shape(inputVectors))
    gradOut = np.zeros(np.shape(outputVectors))
    center_id = tokens[currentWord]
    predicted = inputVectors[center_id]
    for word in contextWords:
        one_cost, one_gradient, output_gradient = word2vecCostAndGradient(
            predicted, tokens[word], outputVectors, dataset
        )
        cost += one_cost
        gradIn[center_id] += np.reshape(one_gradient, -1)
        gradOut += output_gradient
    return cost, gradIn, gradOut


def cbow(
    currentWord: Any,
    C: int,
    contextWords: Sequence[Any],
    tokens: Mapping[Any, int],
    inputVectors: Any,
    outputVectors: Any,
    dataset: Any,
    word2vecCostAndGradient: CostAndGradient = softmaxCostAndGradient,
) -> tuple[Any, Any, Any]:
    """Cost of a CBOW window, and its gradients: the center is predicted from the *sum* of the contexts' input vectors.

    See :func:`skipgram` for parameters and returns. A word that occurs n times in the context is added n times and gets
    n times the gradient.
    """
    gradIn = np.zeros(np.shape(inputVectors))
    context_ids = [tokens[word] for word in contextWords]
    predicted = np.sum(inputVectors[context_ids], axis=0)
    cost, gradient, gradOut = word2vecCostAndGradient(predicted, tokens[currentWord], outputVectors, dataset)
    np.add.at(gradIn, context_ids, np.reshape(gradient, -1))
    return cost, gradIn, gradOut


def word2vec_sgd_wrapper(
    word2vecModel: Callable[..., tuple[Any, Any, Any]],
    tokens: Mapping[Any, int],
    wordVectors: Any,
    dataset: Any,
    C: int,
    word2vecCostAndGradient: CostAndGradient = softmaxCostAndGradient,
) -> tuple[Any, NDArray[np.float64]]:
    """Mean cost of 50 random windows, and its gradient, for :func:`~firth.compat.cs224n.sgd`.

    For each window it draws the half-width c = ``random.randint(1, C)``, then ``dataset.getRandomContext(c)``; then
    the model makes its draws.

    Parameters
    ----------
    word2vecModel : :func:`skipgram` or :func:`cbow`
    tokens : mapping from words to ids
    wordVectors : float array, (2 V, D)
        The input vectors, then below them the output vectors.
    dataset : offers ``getRandomContext(C)``, and ``sampleTokenIdx()`` for negative sampling
    C : int
        The largest half-width of a window.
    word2vecCostAndGradient : function

    Returns
    -------
    cost : float
    grad : float array, (2 V, D)

    See Also
    --------
    firth.compat.cs224n.batches.word2vec_batch : the same draws, cost and gradient in about a thirtieth of the time.
    """
    input_vectors, output_vectors = split_vectors(wordVectors)
    n_words = len(input_vectors)
    cost: Any = 0.0
    grad = np.zeros(wordVectors.shape)
    for _ in range(BATCH_SIZE):
        reach = random.randint(1, C)
        center, context = dataset.getRandomContext(reach)
        one_cost, input_gradient, output_gradient = word2vecModel(
            center, reach, context, tokens, input_vectors, output_vectors, dataset, word2vecCostAndGradient
        )
        cost += one_cost / BATCH_SIZE
        grad[:n_words] += input_gradient / BATCH_SIZE
        grad[n_words:] += output_gradient / BATCH_SIZE
    return cost, grad


def split_vectors(wordVectors: Any) -> tuple[Any, Any]:
    """The two halves of the course's matrix: the upper half has input vectors, the lower half output vectors."""
    n_rows = len(wordVectors)
    if n_rows % 2:
        raise ShapeError(f"wordVectors must have the shape (2 V, D), got {np.shape(wordVectors)}")
    return wordVectors[: n_rows // 2], wordVectors[n_rows // 2 :]


def _dense(prediction: tuple[float, Any, RowGradient], predicted: Any, outputVectors: Any) -> tuple[float, Any, Any]:
    cost, gradient, rows = prediction
    return cost, gradient.reshape(np.shape(predicted)), rows.to_dense(len(outputVectors))
