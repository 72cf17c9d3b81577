# cbow: correct, reduction sum, repeats accumulate; skipgram: correct, reduction sum, repeats accumulate
import numpy as np

def skipgram(currentWord, contextWords, tokens, inputVectors, outputVectors, dataset, w2vCAG=negSamplingCostAndGradient, verbose=False):
    vhat, cost, gradIn, gradOut = inputVectors[tokens[currentWord]], 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    for word in contextWords:
        cst, gin, got = w2vCAG(vhat, tokens[word], outputVectors, dataset, verbose=verbose)
        cost += cst
        gradIn[tokens[currentWord]] += gin
        gradOut += got
    return cost, gradIn, gradOut

def cbow(currentWord, contextWords, tokens, inputVectors, outputVectors, dataset, w2vCAG=negSamplingCostAndGradient, verbose=False):
    ids = [tokens[w] for w in contextWords]
    cost, g, gradOut = w2vCAG(np.sum(inputVectors[ids], axis=0), tokens[currentWord], outputVectors, dataset, verbose=verbose)
    gradIn = np.zeros_like(inputVectors)
    for i in ids:
        gradIn[i] += g
    return cost, gradIn, gradOut
