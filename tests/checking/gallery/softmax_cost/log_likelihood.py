# softmaxCostAndGradient: wrong-objective, codes cost-sign
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = np.log(p[target])
    delta = -p
    delta[target] += 1
    return cost, np.dot(outputVectors.T, delta), np.outer(delta, predicted)
