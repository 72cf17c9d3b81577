# softmaxCostAndGradient: wrong-gradient, codes sign block-wrong
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    y_hat = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(y_hat[target])
    gradPred = outputVectors[target] - np.dot(outputVectors.T, y_hat)
    y_hat[target] -= 1
    return cost, gradPred, np.outer(y_hat, predicted)
