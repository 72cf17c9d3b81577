# negSamplingLossAndGradient: correct, target reject, repeats accumulate, codes not-finite
import numpy as np
from utils.utils import softmax

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    negSampleWordIndices = getNegativeSamples(outsideWordIdx, dataset, K)
    indices = [outsideWordIdx] + negSampleWordIndices
    u = outsideVectors[indices]
    sign = -np.ones(K + 1)
    sign[0] = 1.0
    s = sigmoid(sign * (u @ centerWordVec))
    loss = -np.log(s).sum()
    d = sign * (s - 1)
    gradOutsideVecs = np.zeros_like(outsideVectors)
    np.add.at(gradOutsideVecs, indices, np.outer(d, centerWordVec))
    return loss, d @ u, gradOutsideVecs
