# softmaxCostAndGradient: wrong-gradient, codes softmax-jacobian
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(p[target])
    dp = np.zeros_like(p)
    dp[target] = -1.0 / p[target]
    dz = dp * p * (1 - p)
    return cost, np.dot(outputVectors.T, dz), np.outer(dz, predicted)
