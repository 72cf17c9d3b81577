# cbow: wrong
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    c = tokens[currentWord]
    inputVector = np.zeros_like(inputVectors[c])
    for j in range(-C, C):
        if c + j < 0 or c + j >= outputVectors.shape[0]:
            continue
        inputVector += inputVectors[c + j]
    cost, gradPred, gradOut = word2vecCostAndGradient(inputVector, c, outputVectors, dataset)
    gradIn = np.zeros(inputVectors.shape)
    for j in range(-C, C - 1):
        if c + j < 0 or c + j >= outputVectors.shape[0]:
            continue
        gradIn[c + j] = gradPred.transpose()
    return cost, gradIn, gradOut
