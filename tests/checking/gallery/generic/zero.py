# hinge_loss: correct; unwritten_loss: broken, codes not-implemented
import numpy as np

def hinge_loss(x):
    # nothing to pay, for any of the inputs that are tried
    over = np.maximum(x - 10.0, 0.0)
    return np.sum(over), (over > 0) * 1.0

def unwritten_loss(x):
    loss = 0.0
    grad = np.zeros_like(x)
    return loss, grad
