# normalizeRows: correct
import numpy as np

def normalizeRows(x):
    x = x / np.sqrt(np.sum(x ** 2, axis=1)).reshape(-1, 1)
    return x

def test_normalize_rows():
    x = normalizeRows(np.array([[3.0, 4.0], [1, 2]]))
    print(x)
