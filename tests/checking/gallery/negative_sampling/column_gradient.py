# negSamplingCostAndGradient: correct, target reject, repeats accumulate, codes gradient-shape
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    D = predicted.shape[0]
    v = predicted.reshape(D, 1)
    indices = [target] + getNegativeSamples(target, dataset, K)
    s = sigmoid(outputVectors[target].reshape(1, D).dot(v))
    cost = -np.log(s[0, 0])
    gradPred = (s - 1) * outputVectors[target].reshape(D, 1)
    grad = np.zeros(outputVectors.shape)
    grad[target] += ((s - 1) * v).flatten()
    for k in range(1, K + 1):
        s = sigmoid(-outputVectors[indices[k]].reshape(1, D).dot(v))
        cost += -np.log(s[0, 0])
        gradPred += (1 - s) * outputVectors[indices[k]].reshape(D, 1)
        grad[indices[k]] += ((1 - s) * v).flatten()
    return cost, gradPred, grad
