# getNegativeSamples: wrong, repeats accumulate, codes draws-dropped
def getNegativeSamples(target, dataset, K):
    drawn = [dataset.sampleTokenIdx() for _ in range(K)]
    return [i for i in drawn if i != target]
