# sigmoid: correct, codes not-finite
import numpy as np
sigmoid = lambda x: np.exp(x) / (np.exp(x) + 1)
