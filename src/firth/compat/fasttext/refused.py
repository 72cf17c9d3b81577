"""Room compat: the errors of ``firth.compat.fasttext``: each is also the built-in that users of fastText catch.

Tests: tests/compat/fasttext/test_fasttext.py.
"""

from __future__ import annotations

from firth.errors import FirthError, ParameterError, StorageError


class CannotOpenError(StorageError, ValueError):
    """A file that cannot be read or written. Also a ValueError, which fastText raises."""


class NotPossibleError(ParameterError):
    """A call that does not go with the kind of the model."""


class RemovedNameError(FirthError, AttributeError):
    """A name that firth refuses; the message says what to use."""


AUTOTUNE = {
    name: f"{name} must be left out, got a value: firth.compat.fasttext has no search of its own; train with several"
    " values, and compare by model.test(...) on the validation file, or use `firth classify train --heldout`"
    for name in (
        "autotuneValidationFile",
        "autotuneMetric",
        "autotunePredictions",
        "autotuneDuration",
        "autotuneModelSize",
    )
}

__all__ = ["AUTOTUNE", "CannotOpenError", "NotPossibleError", "RemovedNameError"]
