# getNegativeSamples: wrong, target count, repeats accumulate, codes target-drawn
def getNegativeSamples(target, dataset, K):
    return [dataset.sampleTokenIdx() for _ in range(K)]
