# softmaxCostAndGradient: wrong-gradient, codes transposed gradient-shape
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    p[target] -= 1
    return cost, np.dot(outputVectors.T, p), np.outer(predicted, p)
