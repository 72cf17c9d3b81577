# half_cost: wrong-gradient, codes scaled; noisy_loss: wrong-gradient; flipped_loss: wrong-gradient, codes sign
import numpy as np

def half_cost(x):
    return 0.5 * np.sum(x ** 2), 2 * x

def noisy_loss(x):
    grad = np.cos(x)
    grad.flat[0] *= 1.001
    return np.sum(np.sin(x)), grad

def flipped_loss(x):
    return np.sum(np.exp(x)), -np.exp(x)
