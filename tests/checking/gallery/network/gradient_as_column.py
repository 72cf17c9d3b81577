# forward_backward_prop: correct, reduction sum, codes gradient-shape cost-shape
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
    cost = np.array([[-np.sum(labels * np.log(y))]])
    d2 = y - labels
    d1 = np.dot(d2, W2.T) * sigmoid_grad(h)
    parts = [np.dot(data.T, d1), d1.sum(0), np.dot(h.T, d2), d2.sum(0)]
    return cost, np.concatenate([p.reshape(-1, 1) for p in parts])
    gradW1 = gradb1 = gradW2 = gradb2 = None
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
