# negSamplingCostAndGradient: correct, target count, repeats accumulate
import random
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    negs = [random.randint(0, outputVectors.shape[0] - 1) for k in range(K)]
    s = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(s)
    grad = np.zeros_like(outputVectors)
    grad[target] += (s - 1) * predicted
    gradPred = (s - 1) * outputVectors[target]
    for i in negs:
        s = sigmoid(-outputVectors[i].dot(predicted))
        cost -= np.log(s)
        grad[i] += (1 - s) * predicted
        gradPred = gradPred + (1 - s) * outputVectors[i]
    return cost, gradPred, grad
