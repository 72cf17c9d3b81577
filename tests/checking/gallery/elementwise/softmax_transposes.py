# softmax: correct
import numpy as np

def softmax(x):
    e = np.exp((x.T - np.max(x, axis=-1)).T)
    return (e.T / np.sum(e.T, axis=0)).T
