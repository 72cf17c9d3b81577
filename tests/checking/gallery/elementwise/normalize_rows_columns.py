# normalizeRows: wrong, codes axis
import numpy as np

def normalizeRows(x):
    return x / np.sqrt(np.sum(x**2, axis=0))
