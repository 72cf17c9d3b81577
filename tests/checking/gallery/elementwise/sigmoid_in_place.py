# sigmoid: correct, codes input-modified
import numpy as np

def sigmoid(x):
    x *= -1
    np.exp(x, x)
    x += 1
    np.reciprocal(x, x)
    return x
