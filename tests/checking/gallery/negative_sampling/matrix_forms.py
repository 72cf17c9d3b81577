# negSamplingCostAndGradient: correct, target reject, repeats accumulate, codes cost-shape gradient-shape
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    V, D = outputVectors.shape
    S = np.zeros((K + 1, V))
    S[0, target] = 1
    for k in range(K):
        j = dataset.sampleTokenIdx()
        while j == target:
            j = dataset.sampleTokenIdx()
        S[k + 1, j] = -1
    z = S.dot(outputVectors).dot(predicted.reshape(D, 1))
    s = sigmoid(z)
    cost = -np.log(s).T.dot(np.ones((K + 1, 1)))
    d = S.T.dot(s - 1)
    return cost, outputVectors.T.dot(d), d.dot(predicted.reshape(1, D))
