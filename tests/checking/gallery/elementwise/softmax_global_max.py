# softmax: correct, codes not-finite
import numpy as np

def softmax(x):
    e = np.exp(x - np.max(x))
    if x.ndim == 1:
        return e / e.sum()
    return e / e.sum(axis=1)[:, np.newaxis]
