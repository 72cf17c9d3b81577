# skipgram: correct, reduction sum, repeats accumulate
import numpy as np

def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset, word2vecCostAndGradient):
    i = tokens[currentWord]
    parts = [word2vecCostAndGradient(inputVectors[i], tokens[w], outputVectors, dataset) for w in contextWords]
    gradIn = np.zeros_like(inputVectors)
    gradIn[i] = sum(p[1] for p in parts)
    return sum(p[0] for p in parts), gradIn, sum(p[2] for p in parts)
