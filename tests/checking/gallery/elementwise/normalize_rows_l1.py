# normalizeRows: wrong, codes norm
import numpy as np

def normalizeRows(x):
    return x / np.sum(np.abs(x), axis=1, keepdims=True)
