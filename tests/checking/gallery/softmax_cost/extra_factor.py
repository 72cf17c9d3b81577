# softmaxCostAndGradient: wrong-gradient, codes softmax-jacobian
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    d = p.copy()
    d[target] -= 1
    d *= p * (1 - p)
    return cost, np.dot(outputVectors.T, d), np.outer(d, predicted)
