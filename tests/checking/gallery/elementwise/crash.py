# sigmoid: broken, codes crash; sigmoid_grad: correct; softmax: broken, codes crash
import ctypes
import os

def sigmoid(x):
    os._exit(0)

def sigmoid_grad(s):
    return s * (1 - s)

def softmax(x):
    ctypes.string_at(0)
