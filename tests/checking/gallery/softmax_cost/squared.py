# softmaxCostAndGradient: wrong-objective, codes cost-wrong
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    y = np.zeros_like(p)
    y[target] = 1
    cost = 0.5 * np.sum((p - y) ** 2)
    dp = p - y
    d = p * (dp - np.dot(dp, p))
    return cost, np.dot(outputVectors.T, d), np.outer(d, predicted)
