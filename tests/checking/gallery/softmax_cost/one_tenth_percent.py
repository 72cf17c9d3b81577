# softmaxCostAndGradient: wrong-gradient
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    p[target] -= 1
    gradPred = np.dot(outputVectors.T, p)
    gradPred[0] *= 1.001
    return cost, gradPred, np.outer(p, predicted)
