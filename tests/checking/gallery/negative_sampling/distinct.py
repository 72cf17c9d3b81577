# negSamplingCostAndGradient: correct, target reject, codes repeats-redrawn
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    V = outputVectors.shape[0]
    K = min(K, V - 1)
    negs = []
    while len(negs) < K:
        i = dataset.sampleTokenIdx()
        if i != target and i not in negs:
            negs.append(i)
    s = sigmoid(outputVectors[[target] + negs].dot(predicted))
    d = s.copy()
    d[0] -= 1
    cost = -np.log(s[0]) - np.sum(np.log(1 - s[1:]))
    grad = np.zeros_like(outputVectors)
    grad[[target] + negs] = np.outer(d, predicted)
    return cost, d.dot(outputVectors[[target] + negs]), grad
