# softmaxCostAndGradient: broken, codes raises
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    probs = softmax(np.dot(outputVectors, predicted))
    cost = -np.log(probs[target])
    probs[target] -= 1
    return cost, np.dot(outputVectors.T, probs), np.outer(probs, predictd)
