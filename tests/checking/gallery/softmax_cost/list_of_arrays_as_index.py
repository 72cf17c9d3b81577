# softmaxCostAndGradient: broken, codes older-numpy
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    scores = outputVectors.dot(predicted).reshape(1, -1)
    p = np.exp(scores - scores.max())
    p /= p.sum()
    where = [np.array([0]), np.array([target])]
    cost = -np.log(p[where]).sum()
    p[where] -= 1
    return cost, p[0].dot(outputVectors), np.outer(p[0], predicted)
