# negSamplingLossAndGradient: wrong-objective, target reject, repeats accumulate, codes target-always-negative
import numpy as np

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    negSampleWordIndices = getNegativeSamples(outsideWordIdx, dataset, K)
    indices = [outsideWordIdx] + negSampleWordIndices
    uo = outsideVectors[outsideWordIdx]
    s = sigmoid(uo @ centerWordVec)
    loss = -np.log(s)
    gradCenterVec = (s - 1) * uo
    gradOutsideVecs = np.zeros_like(outsideVectors)
    gradOutsideVecs[outsideWordIdx] += (s - 1) * centerWordVec
    for i in indices:
        t = sigmoid(-outsideVectors[i] @ centerWordVec)
        loss -= np.log(t)
        gradCenterVec += (1 - t) * outsideVectors[i]
        gradOutsideVecs[i] += (1 - t) * centerWordVec
    return loss, gradCenterVec, gradOutsideVecs
