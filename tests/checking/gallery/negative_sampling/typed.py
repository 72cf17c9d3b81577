# negSamplingLossAndGradient: correct, target reject, repeats accumulate
from __future__ import annotations
from typing import Tuple
from numpy import *
import numpy as np

def negSamplingLossAndGradient(
    centerWordVec: np.ndarray, outsideWordIdx: int, outsideVectors: np.ndarray, dataset, *, K: int = 10
) -> Tuple[float, np.ndarray, np.ndarray]:
    negatives = getNegativeSamples(outsideWordIdx, dataset, K)
    scores = dot(outsideVectors[[outsideWordIdx] + negatives], centerWordVec)
    signs = concatenate(([1.0], -ones(K)))
    loss = log1p(exp(-signs * scores)).sum()
    slopes = -signs / (1 + exp(signs * scores))
    grads = zeros_like(outsideVectors)
    for position, word in enumerate([outsideWordIdx] + negatives):
        grads[word] += slopes[position] * centerWordVec
    return loss, dot(slopes, outsideVectors[[outsideWordIdx] + negatives]), grads
