# sigmoid: correct; sigmoid_grad: correct
import numpy as np

def sigmoid(x):
    """
    Compute the sigmoid function for the input here.
    """
    x = 1. / (1 + np.exp(-x))
    return x

def sigmoid_grad(f):
    f = f * (1 - f)
    return f

def test_sigmoid_basic():
    print("Running basic tests...")
    x = np.array([[1, 2], [-1, -2]])
    f = sigmoid(x)
    assert np.amax(f) > 100

if __name__ == "__main__":
    test_sigmoid_basic()
