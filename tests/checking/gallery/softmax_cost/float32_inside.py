# softmaxCostAndGradient: correct, codes inaccurate
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    U = outputVectors.astype(np.float32)
    v = predicted.astype(np.float32)
    s = U.dot(v)
    p = np.exp(s - s.max())
    p /= p.sum()
    cost = -np.log(p[target])
    p[target] -= 1
    return cost, p.dot(U), np.outer(p, v)
