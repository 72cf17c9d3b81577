"""Room numerics: quotients of counts, as scores of classifiers define them.

Tests: tests/estimators/test_text_classifier.py, tests/cli/test_classify_lines.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """numerator / denominator, by element; 0 / 0 is 0: a score without a case is no success."""
    above, below = np.asarray(numerator), np.asarray(denominator)
    shape = np.broadcast_shapes(above.shape, below.shape)
    quotient: Any = np.divide(above, below, out=np.zeros(shape), where=below != 0)
    return np.asarray(quotient)


__all__ = ["ratio"]
