# sigmoid: correct, codes inaccurate
import numpy as np
from scipy.special import expit

def sigmoid(x):
    MIN = 10e-7
    res = expit(np.array(x, dtype=float))
    res[res < MIN] = MIN
    res[res > 1 - MIN] = 1 - MIN
    return res
