# softmaxCostAndGradient: wrong-gradient, codes scaled
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    p[target] -= 1
    p /= outputVectors.shape[0]
    return cost, np.dot(outputVectors.T, p), np.outer(p, predicted)
