# forward_backward_prop: correct, reduction mean, codes soft-labels
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
    z1 = np.dot(data, W1) + b1
    h1 = sigmoid(z1)
    z2 = np.dot(h1, W2) + b2
    h2 = softmax(z2)
    cost = -np.sum(np.log(h2[labels == 1])) / N
    dz2 = np.zeros_like(z2)
    dz2 += h2 - labels
    dz2 /= N
    gradW2 = np.dot(h1.T, dz2)
    gradb2 = np.sum(dz2, axis=0)
    dh1 = np.dot(dz2, W2.T)
    dz1 = sigmoid_grad(h1) * dh1
    gradW1 = np.dot(data.T, dz1)
    gradb1 = np.sum(dz1, axis=0)
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
