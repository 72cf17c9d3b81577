# negSamplingCostAndGradient: correct, target reject, repeats accumulate
def negSamplingCostAndGradient(predicted, target, outputVectors, dataset, K=10):
    counts = Counter()
    while sum(counts.values()) < K:
        i = dataset.sampleTokenIdx()
        if i != target:
            counts[i] += 1
    grad = np.zeros_like(outputVectors)
    p = sigmoid(outputVectors[target].dot(predicted))
    cost = -np.log(p)
    grad[target] = (p - 1) * predicted
    gradPred = (p - 1) * outputVectors[target]
    for i, n in counts.items():
        q = sigmoid(-outputVectors[i].dot(predicted))
        cost -= n * np.log(q)
        grad[i] = n * (1 - q) * predicted
        gradPred += n * (1 - q) * outputVectors[i]
    return cost, gradPred, grad
