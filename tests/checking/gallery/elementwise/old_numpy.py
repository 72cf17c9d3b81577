# sigmoid: correct; softmax: correct
import numpy as np

def sigmoid(x):
    x = np.asarray(x).astype(np.float)
    return 1.0 / (1.0 + np.exp(-x))

def softmax(x):
    x = np.array(x, dtype=np.float)
    e = np.exp(x - x.max(-1)[..., None])
    return e / e.sum(-1)[..., None]
