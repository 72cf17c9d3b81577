# quadratic: correct; logistic_loss: correct; rosenbrock_with_gradient: correct
import numpy as np

quadratic = lambda x: (np.sum(x ** 2), x * 2)

def logistic_loss(w):
    z = np.logaddexp(0, -w)
    grad = -1 / (1 + np.exp(w))
    return z.sum(), grad

def rosenbrock_with_gradient(x):
    a, b = x
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2, np.array(
        [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])

def helper(x):
    return x.shape, x.dtype

gradcheck_naive(quadratic, np.array(123.456))
