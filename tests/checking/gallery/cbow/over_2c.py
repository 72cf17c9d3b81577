# cbow: correct, reduction other, repeats accumulate, codes reduction-other
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    ids = [tokens[w] for w in contextWords]
    h = np.sum(inputVectors[ids], axis=0) / (2 * C)
    cost, g, gradOut = word2vecCostAndGradient(h, tokens[currentWord], outputVectors, dataset)
    gradIn = np.zeros_like(inputVectors)
    np.add.at(gradIn, ids, g / (2.0 * C))
    return cost, gradIn, gradOut
