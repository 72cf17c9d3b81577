"""Room checking: the registry of kinds with the function that grades each. A module has a kind or related kinds.

Tests: tests/checking/test_gallery.py.
"""

from __future__ import annotations

from collections.abc import Callable

from firth.checking.discovery import GENERIC_KIND
from firth.checking.kinds import (
    cbow,
    elementwise,
    generic,
    layers,
    negative_draws,
    negative_sampling,
    network,
    skipgram,
    softmax_cost,
)
from firth.checking.report import FunctionReport
from firth.checking.subject import Subject

GRADERS: dict[str, Callable[[Subject], FunctionReport]] = {
    "sigmoid": elementwise.grade_sigmoid,
    "sigmoid_grad": elementwise.grade_sigmoid_grad,
    "softmax": elementwise.grade_softmax,
    "affine_forward": layers.grade_affine_forward,
    "affine_backward": layers.grade_affine_backward,
    "sigmoid_forward": layers.grade_sigmoid_forward,
    "sigmoid_backward": layers.grade_sigmoid_backward,
    "normalizeRows": elementwise.grade_normalize_rows,
    "forward_backward_prop": network.grade,
    "softmaxCostAndGradient": softmax_cost.grade,
    "negSamplingCostAndGradient": negative_sampling.grade,
    "getNegativeSamples": negative_draws.grade,
    "skipgram": skipgram.grade,
    "cbow": cbow.grade,
    GENERIC_KIND: generic.grade,
}
