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
    cost = 0.
    gradW1 = np.zeros(W1.shape)
    gradb1 = np.zeros(b1.shape)
    gradW2 = np.zeros(W2.shape)
    gradb2 = np.zeros(b2.shape)
    for i in xrange(data.shape[0]):
        x = data[i:i + 1]
        h = sigmoid(x.dot(W1) + b1)
        y = softmax(h.dot(W2) + b2)
        cost -= np.log(y[0, np.argmax(labels[i])])
        d = y - labels[i]
        gradW2 += np.outer(h, d)
        gradb2 += d
        dh = d.dot(W2.T) * sigmoid_grad(h)
        gradW1 += np.outer(x, dh)
        gradb1 += dh
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
