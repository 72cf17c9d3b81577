# negSamplingCostAndGradient: wrong-objective, codes cost-wrong
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = getNegativeSamples(target, dataset, K)
    z = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(z)
    gradPred = (z - 1) * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] += (z - 1) * predicted
    for k in xrange(K):
        k = k % outputVectors.shape[0]
        z = sigmoid(outputVectors[k].dot(predicted))
        cost -= np.log(1 - z)
        gradPred += z * outputVectors[k]
        grad[k] += z * predicted
    return cost, gradPred, grad
