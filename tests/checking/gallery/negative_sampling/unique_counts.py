# negSamplingLossAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    negatives = getNegativeSamples(outsideWordIdx, dataset, K)
    ids, times = np.unique(negatives, return_counts=True)
    uo = outsideVectors[outsideWordIdx]
    uk = outsideVectors[ids]
    so = sigmoid(uo @ centerWordVec)
    sk = sigmoid(-uk @ centerWordVec)
    loss = -np.log(so) - np.sum(times * np.log(sk))
    gradCenterVec = (so - 1) * uo + (times * (1 - sk)) @ uk
    gradOutsideVecs = np.zeros(outsideVectors.shape)
    gradOutsideVecs[outsideWordIdx] = (so - 1) * centerWordVec
    gradOutsideVecs[ids] += (times * (1 - sk))[:, None] * centerWordVec[None, :]
    return loss, gradCenterVec, gradOutsideVecs
