def getNegativeSamples(target, dataset, K):
    return [dataset.sampleTokenIdx() for _ in range(K)]
