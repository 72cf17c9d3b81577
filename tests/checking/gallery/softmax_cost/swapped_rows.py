# softmaxCostAndGradient: wrong-gradient, codes rows-permuted
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    p[target] -= 1
    grad = np.outer(p, predicted)
    grad[[0, 1]] = grad[[1, 0]]
    return cost, np.dot(outputVectors.T, p), grad
