# skipgram: correct, reduction sum, repeats accumulate, codes short-context
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    i = tokens[currentWord]
    for j in xrange(2 * C):
        a, b, c = word2vecCostAndGradient(inputVectors[i], tokens[contextWords[j]], outputVectors, dataset)
        cost += a
        gradIn[i] += b
        gradOut += c
    return cost, gradIn, gradOut
