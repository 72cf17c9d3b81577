# negSamplingCostAndGradient: wrong-gradient, target reject, repeats overwrite, codes repeats-overwritten
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target] + getNegativeSamples(target, dataset, K)
    probs = sigmoid(outputVectors.dot(predicted))
    cost = -np.log(probs[target]) - np.sum(np.log(1 - probs[indices[1:]]))
    gradPred = (probs[target] - 1) * outputVectors[target]
    grad = np.zeros_like(outputVectors)
    grad[target] = (probs[target] - 1) * predicted
    for i in indices[1:]:
        gradPred += probs[i] * outputVectors[i]
        grad[i] = probs[i] * predicted
    return cost, gradPred, grad
