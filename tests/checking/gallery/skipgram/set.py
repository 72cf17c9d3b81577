# skipgram: wrong-objective, reduction sum, repeats drop, codes repeats-dropped
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    i = tokens[currentWord]
    for w in sorted(set(contextWords)):
        a, b, c = word2vecCostAndGradient(inputVectors[i], tokens[w], outputVectors, dataset)
        cost += a
        gradIn[i] += b
        gradOut += c
    return cost, gradIn, gradOut
