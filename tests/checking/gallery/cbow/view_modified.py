# cbow: correct, reduction sum, repeats accumulate, codes input-modified
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    before = inputVectors.copy()
    predicted = inputVectors[tokens[contextWords[0]]]
    for w in contextWords[1:]:
        predicted += before[tokens[w]]
    cost, g, gradOut = word2vecCostAndGradient(predicted, tokens[currentWord], outputVectors, dataset)
    gradIn = np.zeros_like(inputVectors)
    for w in contextWords:
        gradIn[tokens[w]] += g
    return cost, gradIn, gradOut
