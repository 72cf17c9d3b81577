"""Room checking: detects whether a function replaced functions that the grader uses, NumPy's or its own.

A function and its grader share a process. A function that replaces ``np.all`` would be graded with the replacement, so
a replacement is reported and the verdict is `broken`. A deliberate and hidden replacement is not found: this is not a
sandbox.

Tests: tests/checking/test_hostile.py.
"""

from __future__ import annotations

import builtins
import json
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np

_MODULES = (np, np.linalg, np.random, builtins, math, json)


class Snapshot:
    """The names in the modules that grade, with their current values."""

    def __init__(self) -> None:
        own = [module for name, module in sys.modules.items() if name.startswith("firth.")]
        holders: list[ModuleType | type] = [*_MODULES, *own]
        holders += [value for module in own for value in vars(module).values() if _is_own_class(value)]
        self._kept = [(holder, dict(vars(holder))) for holder in holders]

    def restore(self) -> list[str]:
        """Restore values that were replaced or deleted; returns their names. Added names are kept."""
        changed = []
        for holder, before in self._kept:
            now = vars(holder)
            for name, value in before.items():
                if now.get(name, _ABSENT) is not value and name not in _MAY_CHANGE:
                    changed.append(f"{holder.__name__}.{name}")
                    setattr(holder, name, value)
        return changed


_ABSENT = object()
_MAY_CHANGE = frozenset(["_", "__warningregistry__", "__doc__", "__dict__", "__weakref__", "__abstractmethods__"])


def _is_own_class(value: Any) -> bool:
    return isinstance(value, type) and value.__module__.startswith("firth.")
