# forward_backward_prop: correct, reduction sum, codes soft-labels
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
    num_train = data.shape[0]
    h = sigmoid(np.dot(data, W1) + b1)
    score = softmax(np.dot(h, W2) + b2)
    cost = - np.sum(np.log(score[xrange(num_train), np.argmax(labels, axis = 1)]))
    score -= labels
    gradW2 = h.T.dot(score)
    gradb2 = score.sum(axis=0)
    dh = score.dot(W2.T)
    dh = sigmoid_grad(h) * dh
    gradW1 = data.T.dot(dh)
    gradb1 = dh.sum(axis=0)
    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
