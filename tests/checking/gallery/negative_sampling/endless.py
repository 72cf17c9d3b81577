# negSamplingCostAndGradient: broken, codes limit
import numpy as np

def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    idx = dataset.sampleTokenIdx()
    while idx != -1:
        pass
    return 0.0, predicted, outputVectors
