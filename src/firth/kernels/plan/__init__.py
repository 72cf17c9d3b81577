"""Room kernels: what is trained on, in NumPy: the twin of native/cpp/plan, a module for each of its files.

It is the specification: native's plan of a slice equals this one exactly. Everything is a function of (seed, epoch,
position, number of the draw), so it does not depend on slices or threads.

Tests: tests/kernels/test_plan.py.
"""

from firth.kernels.plan.examples import plan_examples
from firth.kernels.plan.tables import PlanTables
from firth.kernels.plan.units import UNIT_BORDER, PlannedWindow, group_units
from firth.kernels.plan.windows import plan_windows

__all__ = ["UNIT_BORDER", "PlanTables", "PlannedWindow", "group_units", "plan_examples", "plan_windows"]
