# negSamplingCostAndGradient: correct, target count, repeats accumulate
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    sampled_tokens = [dataset.sampleTokenIdx() for i in range(K)]
    scores = np.dot(outputVectors, predicted)
    cost = np.logaddexp(0, -scores[target]) + np.sum(np.logaddexp(0, scores[sampled_tokens]))
    counts = np.bincount(sampled_tokens, minlength=outputVectors.shape[0])
    d = counts / (1 + np.exp(-scores))
    d[target] -= 1 / (1 + np.exp(scores[target]))
    return cost, d.dot(outputVectors), d[:, np.newaxis] * predicted
