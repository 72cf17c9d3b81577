# softmaxCostAndGradient: broken, codes not-implemented
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    ### YOUR CODE HERE
    cost = 0.0
    gradPred = np.zeros(predicted.shape)
    grad = np.zeros(outputVectors.shape)
    ### END YOUR CODE
    return cost, gradPred, grad
