# skipgram: correct, reduction sum, repeats accumulate; softmaxCostAndGradient: correct, codes input-shape
import numpy as np

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    n, d = outputVectors.shape
    one, dd = predicted.shape
    scores = predicted.dot(outputVectors.T)
    p = np.exp(scores - scores.max())
    p /= p.sum()
    cost = -np.log(p[0][target])
    p[0][target] -= 1
    return cost, p.dot(outputVectors), p.T.dot(predicted)

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    i = tokens[currentWord]
    for w in contextWords:
        a, b, c = softmaxCostAndGradient(inputVectors[i].reshape(1, -1), tokens[w], outputVectors, dataset)
        cost += a
        gradIn[i] += b.flatten()
        gradOut += c
    return cost, gradIn, gradOut
