# negSamplingCostAndGradient: wrong-gradient, target reject, repeats accumulate
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
        cost -= np.log(t)
        grad[i] += (t - 1) * predicted
        gradPred += (t - 1) * outputVectors[i]
    return cost, gradPred, grad
