# softmax: correct, codes input-modified
import numpy as np

def softmax(x):
    if x.ndim > 1:
        x -= np.max(x, axis=1).reshape((x.shape[0], 1))
        x = np.exp(x)
        x /= np.sum(x, axis=1).reshape((x.shape[0], 1))
    else:
        x -= np.max(x)
        x = np.exp(x)
        x /= np.sum(x)
    return x
