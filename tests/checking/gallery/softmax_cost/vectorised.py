# softmaxCostAndGradient: correct
import numpy as np
from q1_softmax import softmax

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    """ Softmax cost function for word2vec models """
    y_hat = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(y_hat[target])
    delta = y_hat
    delta[target] -= 1
    gradPred = np.dot(outputVectors.T, delta)
    grad = np.outer(delta, predicted)
    return cost, gradPred, grad
