# softmaxCostAndGradient: wrong-objective, codes cost-wrong
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted) / 2)
    cost = -np.log(p[target])
    p[target] -= 1
    return cost, np.dot(outputVectors.T, p) / 2, np.outer(p, predicted) / 2
