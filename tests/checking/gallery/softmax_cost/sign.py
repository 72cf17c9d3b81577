# softmaxCostAndGradient: wrong-gradient, codes sign
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    y_hat = softmax(np.dot(outputVectors, predicted))
    y = np.zeros_like(y_hat)
    y[target] = 1
    cost = -np.sum(y * np.log(y_hat))
    delta = y - y_hat
    return cost, np.dot(outputVectors.T, delta), np.outer(delta, predicted)
