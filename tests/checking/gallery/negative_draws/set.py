# getNegativeSamples: wrong, target reject, repeats drop, codes repeats-dropped
def getNegativeSamples(target, dataset, K):
    out = []
    while len(out) < K:
        i = dataset.sampleTokenIdx()
        if i != target:
            out.append(i)
    return list(set(out))
