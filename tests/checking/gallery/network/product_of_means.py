# forward_backward_prop: wrong-gradient, reduction mean, codes product-of-sums
import numpy as np

def forward_backward_prop(data, labels, params, dimensions):
    ofs = 0
    Dx, H, Dy = (dimensions[0], dimensions[1], dimensions[2])
    W1 = np.reshape(params[ofs:ofs + Dx * H], (Dx, H))
    ofs += Dx * H
    b1 = np.reshape(params[ofs:ofs + H], (1, H))
    ofs += H
    W2 = np.reshape(params[ofs:ofs + H * Dy], (H, Dy))
    ofs += H * Dy
    b2 = np.reshape(params[ofs:ofs + Dy], (1, Dy))
    h = sigmoid(np.dot(data, W1) + b1)
    y = softmax(np.dot(h, W2) + b2)
    cost = -np.sum(labels * np.log(y)) / len(data)
    d2 = np.mean(y - labels, axis=0, keepdims=True)
    gradW2 = np.dot(np.mean(h, axis=0, keepdims=True).T, d2)
    gradb2 = d2
    d1 = np.mean(np.dot(y - labels, W2.T) * sigmoid_grad(h), axis=0, keepdims=True)
    gradW1 = np.dot(np.mean(data, axis=0, keepdims=True).T, d1)
    gradb1 = d1
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
