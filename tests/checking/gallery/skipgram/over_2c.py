# skipgram: correct, reduction other, repeats accumulate, codes reduction-other
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    i = tokens[currentWord]
    for w in contextWords:
        a, b, c = word2vecCostAndGradient(inputVectors[i], tokens[w], outputVectors, dataset)
        cost += a
        gradIn[i] += b
        gradOut += c
    return cost / 2 / C, gradIn / 2 / C, gradOut / 2 / C
