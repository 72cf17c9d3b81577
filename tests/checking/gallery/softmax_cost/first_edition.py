# softmaxCostAndGradient: correct
import numpy as np

dataset = type('dummy', (), {})()

def softmaxCostAndGradient(predicted, target, outputVectors):
    dotted = predicted.dot(outputVectors.T)
    probs = softmax(dotted)
    cost = -np.log(probs[target])
    gradPred = probs.dot(outputVectors) - outputVectors[target]
    grad = np.tile(probs[:, np.newaxis], (1, predicted.size)) * predicted
    grad[target, :] -= predicted
    return cost, gradPred, grad
