# negSamplingCostAndGradient: wrong-objective, target reject, repeats accumulate, codes target-always-negative
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target]
    indices.extend(getNegativeSamples(target, dataset, K))
    z = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(z)
    gradPred = (z - 1) * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] += (z - 1) * predicted
    for k in xrange(K):
        z = sigmoid(outputVectors[indices[k]].dot(predicted))
        cost -= np.log(1 - z)
        gradPred += z * outputVectors[indices[k]]
        grad[indices[k]] += z * predicted
    return cost, gradPred, grad
