# affine_backward: correct; sigmoid_backward: correct
import numpy as np

def affine_backward(dout, cache):
    x, w, b = cache
    return np.dot(dout, w.T), np.dot(x.T, dout), np.sum(dout, axis=0)

def sigmoid_backward(dout, cache):
    y = cache
    return dout * y * (1.0 - y)
