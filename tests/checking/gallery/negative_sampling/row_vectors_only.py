# negSamplingCostAndGradient: correct, target reject, repeats accumulate, codes input-shape
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    indices = [target]
    indices.extend(getNegativeSamples(target, dataset, K))
    cost = 0.0
    gradPred = np.zeros_like(predicted)
    grad = np.zeros_like(outputVectors)
    V, n = outputVectors.shape
    sig_pos = sigmoid(np.dot(predicted, outputVectors[target, :].T))[0]
    cost += -np.log(sig_pos)
    gradPred += (sig_pos - 1) * outputVectors[target, :]
    grad[target, :] += np.reshape((sig_pos - 1) * predicted, [n, ])
    for k in range(K):
        i = indices[k + 1]
        sig_neg = sigmoid(np.dot(-predicted, outputVectors[i, :].T))[0]
        cost += -np.log(sig_neg)
        gradPred += (1 - sig_neg) * outputVectors[i, :]
        grad[i, :] += np.reshape((1 - sig_neg) * predicted, [n, ])
    return cost, gradPred, grad
