# affine_forward: wrong; affine_backward: wrong, codes transposed; sigmoid_forward: correct; sigmoid_backward: wrong
import numpy as np

def affine_forward(x, w, b):
    return np.dot(x, w) - b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T), dout.T.dot(x), dout.sum(axis=0)

def sigmoid_forward(x):
    return 1 / (1 + np.exp(-x)), x

def sigmoid_backward(dout, cache):
    return cache * (1 - cache) * dout
