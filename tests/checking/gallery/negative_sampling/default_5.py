# negSamplingCostAndGradient: correct, target count, repeats accumulate, codes default-k
import numpy as np

def sig(z):
    return 1. / (1. + np.exp(-z))

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=5):
    grad = np.zeros_like(outputVectors)
    p = sig(outputVectors[target].dot(predicted))
    cost = -np.log(p)
    gradPred = (p - 1) * outputVectors[target]
    grad[target] += (p - 1) * predicted
    for k in range(K):
        i = dataset.sampleTokenIdx()
        q = sig(outputVectors[i].dot(predicted))
        cost -= np.log(1 - q)
        gradPred = gradPred + q * outputVectors[i]
        grad[i] += q * predicted
    return cost, gradPred, grad
