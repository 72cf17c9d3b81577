# naiveSoftmaxLossAndGradient: wrong-gradient, codes label-not-subtracted
import numpy as np

def naiveSoftmaxLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset):
    y_hat = softmax(outsideVectors @ centerWordVec)
    loss = -np.log(y_hat[outsideWordIdx])
    return loss, outsideVectors.T @ y_hat, np.outer(y_hat, centerWordVec)
