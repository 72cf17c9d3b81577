# cbow: wrong-gradient, reduction mean, repeats accumulate, codes reduction-mismatch
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    ids = [tokens[w] for w in contextWords]
    cost, g, gradOut = word2vecCostAndGradient(inputVectors[ids].mean(0), tokens[currentWord], outputVectors, dataset)
    gradIn = np.zeros_like(inputVectors)
    for i in ids:
        gradIn[i] += g
    return cost, gradIn, gradOut
