# negSamplingCostAndGradient: wrong-objective, target reject, repeats drop, codes repeats-dropped
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    negs = sorted(set(getNegativeSamples(target, dataset, K)))
    s = sigmoid(outputVectors[target].dot(predicted))
    t = sigmoid(-outputVectors[negs].dot(predicted))
    cost = -np.log(s) - np.sum(np.log(t))
    grad = np.zeros_like(outputVectors)
    grad[target] = (s - 1) * predicted
    grad[negs] = np.outer(1 - t, predicted)
    return cost, (s - 1) * outputVectors[target] + (1 - t).dot(outputVectors[negs]), grad
