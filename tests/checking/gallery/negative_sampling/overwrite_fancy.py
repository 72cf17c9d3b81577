# negSamplingCostAndGradient: wrong-gradient, target reject, repeats overwrite, codes repeats-overwritten
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target]
    indices.extend(getNegativeSamples(target, dataset, K))
    U = outputVectors[indices]
    lab = np.ones(K + 1) * -1
    lab[0] = 1
    s = sigmoid(lab * U.dot(predicted))
    cost = -np.sum(np.log(s))
    d = lab * (s - 1)
    grad = np.zeros_like(outputVectors)
    grad[indices] += np.outer(d, predicted)
    return cost, d.dot(U), grad
