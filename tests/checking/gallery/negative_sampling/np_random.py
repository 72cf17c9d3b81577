# negSamplingCostAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    V = outputVectors.shape[0]
    negs = []
    while len(negs) < K:
        i = np.random.randint(V)
        if i != target:
            negs.append(i)
    s = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(s)
    grad = np.zeros_like(outputVectors)
    grad[target] = (s - 1) * predicted
    gradPred = (s - 1) * outputVectors[target]
    for i in negs:
        s = sigmoid(-outputVectors[i].dot(predicted))
        cost -= np.log(s)
        grad[i] += (1 - s) * predicted
        gradPred = gradPred + (1 - s) * outputVectors[i]
    return cost, gradPred, grad
