# negSamplingCostAndGradient: wrong-objective, codes cost-wrong
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    V = outputVectors.shape[0]
    negs = [(target + 1 + k) % V for k in range(K)]
    s = sigmoid(outputVectors.dot(predicted))
    cost = -np.log(s[target])
    gradPred = (s[target] - 1) * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] += (s[target] - 1) * predicted
    for i in negs:
        cost -= np.log(1 - s[i])
        gradPred = gradPred + s[i] * outputVectors[i]
        grad[i] += s[i] * predicted
    return cost, gradPred, grad
