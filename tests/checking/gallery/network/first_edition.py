# forward_backward_prop: correct, reduction sum
import numpy as np

# Set up fake data and parameters for the neural network
N = 20
dimensions = [10, 5, 10]
data = np.random.randn(N, dimensions[0])

def forward_backward_prop(data, labels, params):
    t = 0
    W1 = np.reshape(params[t:t + dimensions[0] * dimensions[1]], (dimensions[0], dimensions[1]))
    t += dimensions[0] * dimensions[1]
    b1 = np.reshape(params[t:t + dimensions[1]], (1, dimensions[1]))
    t += dimensions[1]
    W2 = np.reshape(params[t:t + dimensions[1] * dimensions[2]], (dimensions[1], dimensions[2]))
    t += dimensions[1] * dimensions[2]
    b2 = np.reshape(params[t:t + dimensions[2]], (1, dimensions[2]))
    a = sigmoid(data.dot(W1) + b1)
    p = softmax(a.dot(W2) + b2)
    cost = -(labels * np.log(p)).sum()
    e = p - labels
    gW2, gb2 = a.T.dot(e), e.sum(0)
    e = e.dot(W2.T) * sigmoid_grad(a)
    gW1, gb1 = data.T.dot(e), e.sum(0)
    return cost, np.hstack([g.ravel() for g in (gW1, gb1, gW2, gb2)])

# Perform gradcheck on your neural network
gradcheck_naive(lambda params: forward_backward_prop(data, labels, params), params)
