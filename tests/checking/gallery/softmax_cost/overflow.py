# softmaxCostAndGradient: correct, codes not-finite
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    e = np.exp(np.dot(outputVectors, predicted))
    p = e / np.sum(e)
    cost = -np.log(p[target])
    p[target] -= 1
    return cost, np.dot(p, outputVectors), np.outer(p, predicted)
