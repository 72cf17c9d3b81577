# forward_backward_prop: broken, codes not-implemented
import numpy as np
from q1_softmax import softmax
from q2_sigmoid import sigmoid, sigmoid_grad

def forward_backward_prop(data, labels, params, dimensions):
    """Two layers; the parameters are unpacked, the rest is left to the student."""
    used = 0
    n_in, n_hidden, n_out = (dimensions[0], dimensions[1], dimensions[2])
    W1 = np.reshape(params[used:used + n_in * n_hidden], (n_in, n_hidden))
    used += n_in * n_hidden
    b1 = np.reshape(params[used:used + n_hidden], (1, n_hidden))

    ### YOUR CODE HERE: the cost
    ### END YOUR CODE

    ### YOUR CODE HERE: the gradients
    ### END YOUR CODE

    grad = np.concatenate((gradW1.flatten(), gradb1.flatten(), gradW2.flatten(), gradb2.flatten()))
    return cost, grad
