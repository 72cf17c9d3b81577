# skipgram: correct, reduction sum, repeats accumulate
import numpy as np

def skipgram(currentCenterWord, windowSize, outsideWords, word2Ind,
             centerWordVectors, outsideVectors, dataset,
             word2vecLossAndGradient=naiveSoftmaxLossAndGradient):
    loss = 0.0
    gradCenterVecs = np.zeros(centerWordVectors.shape)
    gradOutsideVectors = np.zeros(outsideVectors.shape)
    center = word2Ind[currentCenterWord]
    for word in outsideWords:
        l, gc, go = word2vecLossAndGradient(
            centerWordVec=centerWordVectors[center],
            outsideWordIdx=word2Ind[word],
            outsideVectors=outsideVectors,
            dataset=dataset,
        )
        loss += l
        gradCenterVecs[center, :] += gc
        gradOutsideVectors += go
    return loss, gradCenterVecs, gradOutsideVectors
