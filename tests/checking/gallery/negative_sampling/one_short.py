# negSamplingCostAndGradient: wrong-objective, target reject, repeats accumulate, codes negatives-missing
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    negs = getNegativeSamples(target, dataset, K)
    s = sigmoid(outputVectors.dot(predicted))
    cost = -np.log(s[target])
    gradPred = (s[target] - 1) * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] += (s[target] - 1) * predicted
    for k in range(1, K):
        i = negs[k]
        cost -= np.log(1 - s[i])
        gradPred = gradPred + s[i] * outputVectors[i]
        grad[i] += s[i] * predicted
    return cost, gradPred, grad
