# cbow: wrong-objective
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    predicted = np.sum(inputVectors, axis=0)
    cost, gradIn, gradOut = word2vecCostAndGradient(predicted, tokens[currentWord], outputVectors, dataset)
    gradIn = np.tile(gradIn, (len(inputVectors), 1))
    return cost, gradIn, gradOut
