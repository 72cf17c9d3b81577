# negSamplingCostAndGradient: wrong-objective, repeats accumulate, codes draws-dropped
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    s = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(s)
    grad = np.zeros_like(outputVectors)
    grad[target] += (s - 1) * predicted
    gradPred = (s - 1) * outputVectors[target]
    for k in xrange(K):
        i = dataset.sampleTokenIdx()
        if i == target:
            continue
        t = sigmoid(-outputVectors[i].dot(predicted))
        cost -= np.log(t)
        grad[i] += (1 - t) * predicted
        gradPred += (1 - t) * outputVectors[i]
    return cost, gradPred, grad
