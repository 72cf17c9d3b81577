"""Room compat: the names of the course's later editions (assignment 2, from 2019 on).

Tests: tests/compat/cs224n/test_functions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firth.compat.cs224n import gradcheck, word2vec
from firth.compat.cs224n.functions import normalizeRows, sigmoid, softmax
from firth.compat.cs224n.sgd import load_saved_params, save_params, sgd
from firth.compat.cs224n.treebank import StanfordSentiment

__all__ = [
    "StanfordSentiment",
    "getNegativeSamples",
    "gradcheck_naive",
    "load_saved_params",
    "naiveSoftmaxLossAndGradient",
    "negSamplingLossAndGradient",
    "normalizeRows",
    "save_params",
    "sgd",
    "sigmoid",
    "skipgram",
    "softmax",
    "word2vec_sgd_wrapper",
]


def naiveSoftmaxLossAndGradient(
    centerWordVec: Any, outsideWordIdx: int, outsideVectors: Any, dataset: Any
) -> tuple[float, Any, Any]:
    """Loss of one outside word under the softmax over all words; its gradients by center and outside vectors.

    Equal to :func:`~firth.compat.cs224n.softmaxCostAndGradient` of the earlier edition.
    """
    return word2vec.softmaxCostAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset)


def getNegativeSamples(outsideWordIdx: int, dataset: Any, K: int) -> list[int]:
    """``K`` draws of ``dataset.sampleTokenIdx()``; a draw that equals the outside word is repeated."""
    return word2vec.getNegativeSamples(outsideWordIdx, dataset, K)


def negSamplingLossAndGradient(
    centerWordVec: Any, outsideWordIdx: int, outsideVectors: Any, dataset: Any, K: int = 10
) -> tuple[float, Any, Any]:
    """Loss of one outside word under negative sampling; its gradients by center and outside vectors.

    Equal to :func:`~firth.compat.cs224n.negSamplingCostAndGradient` of the earlier edition.
    """
    return word2vec.negSamplingCostAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K)


def skipgram(
    currentCenterWord: Any,
    windowSize: int,
    outsideWords: Sequence[Any],
    word2Ind: Mapping[Any, int],
    centerWordVectors: Any,
    outsideVectors: Any,
    dataset: Any,
    word2vecLossAndGradient: word2vec.CostAndGradient = naiveSoftmaxLossAndGradient,
) -> tuple[Any, Any, Any]:
    """Loss of a skip-gram window, summed over its outside words, and its gradients.

    Equal to :func:`~firth.compat.cs224n.skipgram` of the earlier edition, with the later keywords.
    """
    return word2vec.skipgram(
        currentCenterWord,
        windowSize,
        outsideWords,
        word2Ind,
        centerWordVectors,
        outsideVectors,
        dataset,
        word2vecLossAndGradient,
    )


def word2vec_sgd_wrapper(
    word2vecModel: Callable[..., tuple[Any, Any, Any]],
    word2Ind: Mapping[Any, int],
    wordVectors: Any,
    dataset: Any,
    windowSize: int,
    word2vecLossAndGradient: word2vec.CostAndGradient = naiveSoftmaxLossAndGradient,
) -> tuple[Any, Any]:
    """Mean loss of 50 random windows, and its gradient; the earlier edition's wrapper with the later keywords."""
    return word2vec.word2vec_sgd_wrapper(
        word2vecModel, word2Ind, wordVectors, dataset, windowSize, word2vecLossAndGradient
    )


def gradcheck_naive(f: Callable[[Any], tuple[Any, Any]], x: Any, gradientText: str) -> None:
    """The check of the earlier edition, with the output of the later editions: the verdict has ``gradientText``."""
    failure = gradcheck.first_failure(f, x)
    if failure is None:
        print(
            "Gradient check passed!. Read the docstring of the `gradcheck_naive` method in utils.gradcheck.py "
            "to understand what the gradient check does."
        )
    else:
        print(f"Gradient check failed for {gradientText}.")
        print(f"First gradient error found at index {failure[0]} in the vector of gradients")
        print(f"Your gradient: {failure[1]:f} \t Numerical gradient: {failure[2]:f}")
