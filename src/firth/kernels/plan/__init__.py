"""Room kernels: the plan of a slice in NumPy: the twin of native/cpp/plan, with one module for each of its files.

This package is the specification: the plan of the native code must equal its plan exactly. A random value is a function
of (seed, epoch, position, number of the draw), so the plan does not depend on slices or threads.

Tests: tests/kernels/test_plan.py.
"""

from firth.kernels.plan.documents import plan_documents
from firth.kernels.plan.examples import plan_examples
from firth.kernels.plan.pairs import plan_pairs
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import UNIT_BORDER, PlannedWindow, group_units
from firth.kernels.plan.windows import plan_windows

__all__ = [
    "UNIT_BORDER",
    "PlanTables",
    "PlannedWindow",
    "group_units",
    "plan_documents",
    "plan_examples",
    "plan_pairs",
    "plan_windows",
]
