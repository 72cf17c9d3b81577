# softmaxCostAndGradient: correct, codes gradient-shape cost-shape
import numpy as np

def softmax(x):
    if len(x.shape) > 1:
        x = x - np.max(x, axis=1).reshape(-1, 1)
        e = np.exp(x)
        return e / np.sum(e, axis=1).reshape(-1, 1)
    x = x - np.max(x)
    return np.exp(x) / np.sum(np.exp(x))

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    V, D = outputVectors.shape
    vhat = predicted.reshape(D, 1)
    z = outputVectors.dot(vhat)
    y = softmax(z.T).T
    cost = -np.log(y[target])
    d = y.copy()
    d[target] -= 1.
    return cost, outputVectors.T.dot(d), d.dot(vhat.T)
