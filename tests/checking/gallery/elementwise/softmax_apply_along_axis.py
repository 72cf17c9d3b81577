# softmax: correct
import numpy as np

def softmax(x):
    def one(row):
        e = np.exp(row - row.max())
        return e / e.sum()
    return np.apply_along_axis(one, -1, x)
