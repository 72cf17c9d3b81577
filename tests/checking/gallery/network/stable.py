# forward_backward_prop: correct, reduction sum
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
    z = np.dot(h, W2) + b2
    z = z - z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    cost = -np.sum(labels * logp)
    d2 = np.exp(logp) - labels
    gradW2 = np.dot(h.T, d2)
    gradb2 = np.ones((1, data.shape[0])).dot(d2)
    d1 = np.einsum('bc,hc->bh', d2, W2) * sigmoid_grad(h)
    gradW1 = np.einsum('bd,bh->dh', data, d1)
    gradb1 = np.ones((1, data.shape[0])).dot(d1)
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
