# negSamplingCostAndGradient: correct, target count, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, K=10):
    gradPred = np.zeros_like(predicted)
    grad = np.zeros_like(outputVectors)
    cost = 0
    z = sigmoid(outputVectors[target].dot(predicted))
    cost -= np.log(z)
    gradPred += outputVectors[target] * (z - 1.)
    grad[target] += predicted * (z - 1.)
    for k in range(K):
        sampled_idx = dataset.sampleTokenIdx()
        z = sigmoid(outputVectors[sampled_idx].dot(predicted))
        cost -= np.log(1 - z)
        gradPred += z * outputVectors[sampled_idx]
        grad[sampled_idx] += z * predicted
    return cost, gradPred, grad
