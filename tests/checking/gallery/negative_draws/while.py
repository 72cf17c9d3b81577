# getNegativeSamples: correct, target reject, repeats accumulate
def getNegativeSamples(target, dataset, K):
    indices = []
    while len(indices) < K:
        i = dataset.sampleTokenIdx()
        if i == target: continue
        indices.append(i)
    return np.array(indices)
