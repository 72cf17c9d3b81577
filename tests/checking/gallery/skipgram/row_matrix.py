# skipgram: correct, reduction sum, repeats accumulate, codes input-shape
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
             dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    cost = 0
    gradIn = np.zeros(inputVectors.shape)
    gradOut = np.zeros(outputVectors.shape)
    i = tokens[currentWord]
    r = inputVectors[i:i + 1]
    for w in contextWords:
        c, gp, g = word2vecCostAndGradient(r, tokens[w], outputVectors, dataset)
        cost = cost + c
        gradIn[i] += gp[0, :]
        gradOut += g
    return cost, gradIn, gradOut
