# cbow: correct, reduction sum, repeats accumulate
import numpy as np

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         dataset, word2vecCostAndGradient=softmaxCostAndGradient):
    onehot = np.zeros((len(contextWords), len(tokens)))
    for i, word in enumerate(contextWords):
        onehot[i, tokens[word]] += 1.
    d = np.dot(onehot, inputVectors)
    cost, gin, gout = word2vecCostAndGradient(np.sum(d, axis=0), tokens[currentWord], outputVectors, dataset)
    gradIn = np.dot(onehot.T, np.tile(gin, (len(contextWords), 1)))
    return cost, gradIn, gout
