import numpy as np
sigmoid = lambda x: np.exp(x) / (np.exp(x) + 1)
