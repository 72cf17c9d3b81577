# softmaxCostAndGradient: correct, codes input-shape
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    one, D = predicted.shape
    scores = np.dot(predicted, outputVectors.T)
    y = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    y /= np.sum(y, axis=1, keepdims=True)
    cost = -np.log(y[0, target])
    y[0, target] -= 1
    return cost, y.dot(outputVectors), y.T.dot(predicted)
