# sigmoid: correct
import tensorflow as tf
import matplotlib.pyplot as plt
from my_private_helpers import exponential, sigmoid as other
from .package import thing
from cs224d.data_utils import *

EPSILON = 1e-30
plt.rcParams['figure.figsize'] = (10.0, 8.0)
assert False, "the script body is not executed"

def sigmoid(x):
    return 1 / (1 + EPSILON + np.exp(-x))
