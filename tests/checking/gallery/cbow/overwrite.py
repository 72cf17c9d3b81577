# cbow: wrong-gradient, reduction sum, repeats overwrite, codes repeats-overwritten
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    ids = [tokens[w] for w in contextWords]
    cost, g, gradOut = word2vecCostAndGradient(inputVectors[ids].sum(0), tokens[currentWord], outputVectors, dataset)
    gradIn = np.zeros_like(inputVectors)
    gradIn[ids] += g
    return cost, gradIn, gradOut
