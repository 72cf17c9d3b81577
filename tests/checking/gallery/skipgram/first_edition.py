# skipgram: correct, reduction mean, repeats accumulate; cbow: correct, reduction mean, repeats accumulate
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
             word2vecCostAndGradient=softmaxCostAndGradient):
    v = inputVectors[tokens[currentWord]]
    cost, gradIn, gradOut = 0, np.zeros_like(inputVectors), np.zeros_like(outputVectors)
    for w in contextWords:
        a, b, c = word2vecCostAndGradient(v, tokens[w], outputVectors)
        cost += a
        gradIn[tokens[currentWord]] += b
        gradOut += c
    n = len(contextWords)
    return cost / n, gradIn / n, gradOut / n

def cbow(currentWord, C, contextWords, tokens, inputVectors, outputVectors,
         word2vecCostAndGradient=softmaxCostAndGradient):
    ids = [tokens[w] for w in contextWords]
    cost, g, gradOut = word2vecCostAndGradient(inputVectors[ids].mean(axis=0), tokens[currentWord], outputVectors)
    gradIn = np.zeros_like(inputVectors)
    for i in ids:
        gradIn[i] += g / len(ids)
    return cost, gradIn, gradOut
