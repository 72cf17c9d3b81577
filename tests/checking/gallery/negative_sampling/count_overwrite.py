# negSamplingCostAndGradient: wrong-gradient, target count, repeats overwrite, codes repeats-overwritten
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    negs = [dataset.sampleTokenIdx() for i in range(K)]
    probs = sigmoid(outputVectors.dot(predicted))
    cost = -np.log(probs[target]) - np.sum(np.log(1 - probs[negs]))
    gradPred = (probs[target] - 1) * outputVectors[target] + probs[negs].dot(outputVectors[negs])
    grad = np.zeros_like(outputVectors)
    grad[negs] = np.outer(probs[negs], predicted)
    grad[target] = (probs[target] - 1) * predicted
    return cost, gradPred, grad
