# skipgram: wrong-gradient, reduction sum, repeats accumulate, codes block-wrong
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    i = tokens[currentWord]
    for w in contextWords:
        a, b, c = word2vecCostAndGradient(inputVectors[i], tokens[w], outputVectors, dataset)
        cost += a
        gradIn[tokens[w]] += b
        gradOut += c
    return cost, gradIn, gradOut
