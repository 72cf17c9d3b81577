# forward_backward_prop: correct, reduction mean
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
    N = data.shape[0]
    h = sigmoid(np.dot(data, W1) + b1)
    y = softmax(np.dot(h, W2) + b2)
    cost = -np.sum(labels * np.log(y)) / N
    d2 = (y - labels) / N
    gradW2 = np.dot(h.T, d2)
    gradb2 = np.sum(d2, axis=0, keepdims=True)
    d1 = np.dot(d2, W2.T) * h * (1 - h)
    gradW1 = np.dot(data.T, d1)
    gradb1 = np.sum(d1, 0)
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
