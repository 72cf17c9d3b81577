# skipgram: wrong-objective, reduction sum, repeats accumulate, codes direction
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset,
             word2vecCostAndGradient=softmaxCostAndGradient):
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    for w in contextWords:
        a, b, c = word2vecCostAndGradient(inputVectors[tokens[w]], tokens[currentWord], outputVectors, dataset)
        cost += a
        gradIn[tokens[w]] += b
        gradOut += c
    return cost, gradIn, gradOut
