# negSamplingLossAndGradient: wrong-gradient, target reject, repeats accumulate, codes block-wrong
import numpy as np

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    negs = getNegativeSamples(outsideWordIdx, dataset, K)
    gradOutsideVecs = np.zeros(outsideVectors.shape)
    u_o = outsideVectors[outsideWordIdx]
    score = sigmoid(np.dot(u_o, centerWordVec))
    loss = -np.log(score)
    gradCenterVec = (score - 1) * u_o
    gradOutsideVecs[outsideWordIdx] = (score - 1) * centerWordVec
    for i in negs:
        score = sigmoid(np.dot(-outsideVectors[i], centerWordVec))
        loss -= np.log(score)
        gradCenterVec += (1 - score) * outsideVectors[i]
    return loss, gradCenterVec, gradOutsideVecs
