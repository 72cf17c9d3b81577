# softmaxCostAndGradient: correct, codes cost-shape
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    y = np.zeros(p.shape)
    y[target] = 1
    cost = -y * np.log(p)
    return cost, np.dot(outputVectors.T, p - y), np.outer(p - y, predicted)
