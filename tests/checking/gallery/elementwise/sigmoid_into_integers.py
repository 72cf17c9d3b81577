# sigmoid: wrong, codes values-wrong
import numpy as np

def sigmoid(x):
    # zeros, for want of a type: no stub
    out = np.zeros(np.shape(x), dtype=int)
    out[...] = 1 / (1 + np.exp(-np.asarray(x, float)))
    return out
