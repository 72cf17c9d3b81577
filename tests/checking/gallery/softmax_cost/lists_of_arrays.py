# softmaxCostAndGradient: correct
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(outputVectors @ predicted)
    grads = []
    gradPred = np.zeros(predicted.shape)
    for i in range(outputVectors.shape[0]):
        err = p[i] - float(i == target)
        grads.append(err * predicted)
        gradPred += err * outputVectors[i]
    return [-np.log(p[target]), gradPred, grads]
