"""Room numerics: check_gradient and its parts: finite differences, layout of the point, diagnosis and report.

Tests: tests/numerics/test_gradient_check.py.
"""

from firth.numerics.gradient_check.check import check_gradient
from firth.numerics.gradient_check.comparing import TOLERANCES
from firth.numerics.gradient_check.diagnosis import diagnose_block, diagnose_gradient
from firth.numerics.gradient_check.patterns import Diagnosis
from firth.numerics.gradient_check.report import CoordinateError, GradientReport

__all__ = [
    "TOLERANCES",
    "CoordinateError",
    "Diagnosis",
    "GradientReport",
    "check_gradient",
    "diagnose_block",
    "diagnose_gradient",
]
