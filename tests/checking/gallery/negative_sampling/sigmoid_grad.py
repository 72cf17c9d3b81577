# negSamplingCostAndGradient: correct, target reject, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    grad = np.zeros(outputVectors.shape)
    s = sigmoid(np.dot(outputVectors[target, :], predicted))
    cost = -np.log(s)
    gradPred = -sigmoid_grad(s) / s * outputVectors[target, :]
    grad[target, :] = -sigmoid_grad(s) / s * predicted
    for k in getNegativeSamples(target, dataset, K):
        s = sigmoid(-np.dot(outputVectors[k, :], predicted))
        cost += -np.log(s)
        gradPred += sigmoid_grad(s) / s * outputVectors[k, :]
        grad[k, :] += sigmoid_grad(s) / s * predicted
    return cost, gradPred, grad
