# negSamplingCostAndGradient: correct, target reject, repeats accumulate, codes not-finite
import numpy as np

def sigmoid(x):
    return np.exp(x) / (1 + np.exp(x))

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target] + getNegativeSamples(target, dataset, K)
    p = sigmoid(np.dot(outputVectors[target], predicted))
    cost = -np.log(p)
    gradPred = (p - 1) * outputVectors[target]
    grad = np.zeros(outputVectors.shape)
    grad[target] = (p - 1) * predicted
    for i in indices[1:]:
        q = sigmoid(np.dot(outputVectors[i], predicted))
        cost += -np.log(1 - q)
        gradPred = gradPred + q * outputVectors[i]
        grad[i] += q * predicted
    return cost, gradPred, grad
