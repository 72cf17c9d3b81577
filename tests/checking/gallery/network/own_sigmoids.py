# forward_backward_prop: correct, reduction sum; sigmoid: correct; sigmoid_grad: wrong, codes takes-input; softmax: correct, codes not-finite
from numpy import exp, log, dot, sum as total, hstack

def sigmoid(x):
    return 1 / (1 + exp(-x))

def sigmoid_grad(x):
    return sigmoid(x) * (1 - sigmoid(x))

def softmax(x):
    return (exp(x).T / exp(x).sum(-1)).T

def forward_backward_prop(X, labels, params, dimensions):
    d, h, c = dimensions
    cuts = [0, d * h, d * h + h, d * h + h + h * c, d * h + h + h * c + c]
    W1, b1, W2, b2 = [params[a:b] for a, b in zip(cuts, cuts[1:])]
    z = dot(X, W1.reshape(d, h)) + b1
    a = sigmoid(z)
    p = softmax(dot(a, W2.reshape(h, c)) + b2)
    cost = -total(log(total(p * labels, axis=1)))
    e = p - labels
    back = dot(e, W2.reshape(h, c).T) * sigmoid_grad(z)
    return cost, hstack((dot(X.T, back).ravel(), back.sum(0), dot(a.T, e).ravel(), e.sum(0)))
