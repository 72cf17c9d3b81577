# negSamplingLossAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K=10):
    indices = [outsideWordIdx] + getNegativeSamples(outsideWordIdx, dataset, K)
    un, idx, n_reps = np.unique(indices, return_index=True, return_counts=True)
    U_concat = outsideVectors[un]
    n_reps[idx == 0] *= -1
    U_concat[idx != 0] *= -1
    S = sigmoid(centerWordVec @ U_concat.T)
    loss = -(np.abs(n_reps) * np.log(S)).sum()
    gradCenterVec = np.abs(n_reps) * (1 - S) @ -U_concat
    gradOutsideVecs = np.zeros_like(outsideVectors)
    gradOutsideVecs[un] = n_reps[:, None] * np.outer(1 - S, centerWordVec)
    return loss, gradCenterVec, gradOutsideVecs
