# softmaxCostAndGradient: correct, codes cost-shape gradient-shape
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    U = np.matrix(outputVectors)
    v = np.matrix(predicted).T
    scores = U * v
    probs = np.exp(scores - scores.max())
    probs = probs / probs.sum()
    cost = -np.log(probs[target])
    err = probs.copy()
    err[target, 0] -= 1
    return cost, U.T * err, err * v.T
