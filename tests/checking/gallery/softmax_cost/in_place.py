# softmaxCostAndGradient: correct, codes input-modified
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(outputVectors.dot(predicted))
    cost = -np.log(p[target])
    p[target] -= 1
    gradPred = p.dot(outputVectors)
    outputVectors *= 0
    outputVectors += np.outer(p, predicted)
    return cost, gradPred, outputVectors
