# softmaxCostAndGradient: correct
import numpy as np
from numpy import newaxis as _

def softmaxCostAndGradient(predicted, target, outputVectors, dataset=None):
    N, D = outputVectors.shape
    inner_products = np.dot(outputVectors, predicted)
    scores = softmax(inner_products)
    cost = -np.dot(outputVectors[target], predicted) + np.log(np.sum(np.exp(inner_products)))
    gradPred = -outputVectors[target] + np.sum(scores.reshape(-1, 1) * outputVectors, axis=0)
    grad = scores[:, _] * np.tile(predicted, (N, 1))
    grad[target] -= predicted
    assert gradPred.shape == predicted.shape
    assert grad.shape == outputVectors.shape
    return cost, gradPred, grad
