# negSamplingCostAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    idx = np.array([dataset.sampleTokenIdx() for _ in range(K)])
    while (idx == target).any():
        for j in np.where(idx == target)[0]:
            idx[j] = dataset.sampleTokenIdx()
    pos = sigmoid(predicted.dot(outputVectors[target]))
    neg = sigmoid(-outputVectors[idx].dot(predicted))
    cost = -np.log(pos) - np.log(neg).sum()
    gradPred = (pos - 1) * outputVectors[target] + ((1 - neg)[:, None] * outputVectors[idx]).sum(0)
    onehot = np.zeros((K, outputVectors.shape[0]))
    onehot[np.arange(K), idx] = 1
    grad = onehot.T.dot(np.outer(1 - neg, predicted))
    grad[target] += (pos - 1) * predicted
    return cost, gradPred, grad
