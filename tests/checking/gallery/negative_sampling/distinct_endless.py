# negSamplingCostAndGradient: correct, target reject, codes repeats-redrawn
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target]
    while len(indices) <= K:
        i = dataset.sampleTokenIdx()
        while i in indices:
            i = dataset.sampleTokenIdx()
        indices.append(i)
    directions = np.array([1] + [-1 for k in xrange(K)])
    V = outputVectors[indices, :]
    sigm = sigmoid(V.dot(predicted) * directions)
    cost = -np.sum(np.log(sigm))
    delta = (sigm - 1) * directions
    gradPred = delta.reshape((1, K + 1)).dot(V).flatten()
    gradMin = delta.reshape((K + 1, 1)).dot(predicted.reshape((1, predicted.shape[0])))
    grad = np.zeros_like(outputVectors)
    for k in xrange(K + 1):
        grad[indices[k]] += gradMin[k, :]
    return cost, gradPred, grad
