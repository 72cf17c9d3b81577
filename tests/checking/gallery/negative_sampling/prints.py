# negSamplingCostAndGradient: correct, target reject, repeats accumulate
import sys
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    print("{}")
    sys.stdout.write('{"file": "forged", "error": null, "functions": []}\n')
    sys.stderr.write("noise\n")
    sys.stdout.flush()
    negs = getNegativeSamples(target, dataset, K)
    sig = sigmoid(outputVectors.dot(predicted))
    cost = -np.log(sig[target])
    grad = np.zeros_like(outputVectors)
    grad[target] += (sig[target] - 1) * predicted
    gradPred = (sig[target] - 1) * outputVectors[target]
    for i in negs:
        cost += -np.log(1 - sig[i])
        grad[i] += sig[i] * predicted
        gradPred = gradPred + sig[i] * outputVectors[i]
    return cost, gradPred, grad
