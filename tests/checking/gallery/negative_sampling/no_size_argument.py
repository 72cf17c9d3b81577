# negSamplingCostAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset):
    K = 10
    cost = -np.log(sigmoid(outputVectors[target].dot(predicted)))
    g = sigmoid(outputVectors[target].dot(predicted)) - 1
    gradPred = g * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] = g * predicted
    for i in getNegativeSamples(target, dataset, K):
        g = sigmoid(outputVectors[i].dot(predicted))
        cost -= np.log(sigmoid(-outputVectors[i].dot(predicted)))
        gradPred += g * outputVectors[i]
        grad[i] += g * predicted
    return cost, gradPred, grad
