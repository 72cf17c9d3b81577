# negSamplingLossAndGradient: correct, target reject, repeats accumulate
import numpy as np
from utils.utils import *

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    def draw():
        while True:
            i = dataset.sampleTokenIdx()
            if i != outsideWordIdx:
                yield i
    draws = draw()
    negs = [next(draws) for _ in range(K)]
    U = -outsideVectors[negs]
    o = outsideVectors[outsideWordIdx]
    s, t = sigmoid(o.T @ centerWordVec), sigmoid(U @ centerWordVec)
    loss = -np.log(s) - sum(np.log(t))
    gradOutsideVecs = np.zeros_like(outsideVectors)
    gradOutsideVecs[outsideWordIdx] = -(1 - s) * centerWordVec
    for i, value in zip(negs, t):
        gradOutsideVecs[i] += (1 - value) * centerWordVec
    return loss, -(1 - s) * o - np.sum((1 - t)[:, None] * U, axis=0), gradOutsideVecs
