# softmaxCostAndGradient: correct, codes reduction-other
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(outputVectors.dot(predicted))
    cost = -np.log2(p[target])
    d = p.copy()
    d[target] -= 1
    d /= np.log(2)
    return cost, d.dot(outputVectors), np.outer(d, predicted)
