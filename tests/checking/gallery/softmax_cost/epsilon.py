# softmaxCostAndGradient: correct, codes inaccurate
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(outputVectors.dot(predicted))
    cost = -np.log(p[target] + 1e-7)
    p[target] -= 1
    return cost, np.dot(p, outputVectors), np.outer(p, predicted)
