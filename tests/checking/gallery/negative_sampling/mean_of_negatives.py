# negSamplingCostAndGradient: wrong-objective, codes cost-wrong
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    negs = getNegativeSamples(target, dataset, K)
    s = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(s)
    grad = np.zeros_like(outputVectors)
    grad[target] += (s - 1) * predicted
    gradPred = (s - 1) * outputVectors[target]
    for i in negs:
        t = sigmoid(-outputVectors[i].dot(predicted))
        cost -= np.log(t) / K
        grad[i] += (1 - t) * predicted / K
        gradPred += (1 - t) * outputVectors[i] / K
    return cost, gradPred, grad
