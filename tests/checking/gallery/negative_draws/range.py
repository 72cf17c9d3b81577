# getNegativeSamples: wrong, codes not-drawn
def getNegativeSamples(target, dataset, K):
    return [i for i in range(K + 1) if i != target][:K]
