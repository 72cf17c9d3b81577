# regression_loss: correct; wrong_term_loss: wrong-gradient; random_loss: correct
import random
import numpy as np

def regression_loss(W):
    A = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])
    r = A.dot(W) - 1.0
    grad = A.T.dot(r)
    return 0.5 * np.sum(r * r), grad

def wrong_term_loss(x):
    grad = 2 * x
    return np.sum(x ** 2) + np.prod(x), grad

def random_loss(x):
    w = np.random.rand(*x.shape) + random.random()
    grad = w * np.cos(x)
    return np.sum(w * np.sin(x)), grad
