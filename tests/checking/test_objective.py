"""Scales of costs, shapes of results, finite differences of a function's own cost, and the scripted draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.checking.kinds.negative_sampling import _multisets
from firth.checking.objective import Case, Reading, blocks_agree, find_scale, own_gradient
from firth.checking.outcomes import Outcome, read_block, read_outcome
from firth.checking.report import plain
from firth.checking.scripted import ScriptedDataset
from firth.checking.subject import SubjectError

SIZES = [{"M": 6, "D": 3}, {"M": 1, "D": 3}, {"M": 4, "D": 5}, {"M": 6, "D": 3}, {"M": 4, "D": 5}]
COSTS = [3.0, 0.7, 5.1, 2.2, 1.9]


def _scale(factors: list[float]) -> tuple[str, str | None] | None:
    readings = [Reading(cost, {}) for cost in COSTS]
    scale = find_scale([c * f for c, f in zip(COSTS, factors, strict=True)], readings, SIZES)
    return None if scale is None else (scale.reduction, scale.divisor)


def test_scales_of_costs() -> None:
    assert _scale([1.0] * 5) == ("sum", None)
    assert _scale([1 / size["M"] for size in SIZES]) == ("mean", "M")
    assert _scale([1 / (2 * size["M"]) for size in SIZES]) == ("other", "2 M")
    assert _scale([1 / (size["M"] * size["D"]) for size in SIZES]) == ("other", "M D")
    assert _scale([0.3] * 5) == ("other", "3.33333")
    assert _scale([1 / (size["M"] + 7) for size in SIZES]) == ("other", None)


def test_what_is_no_scale() -> None:
    assert _scale([-1.0] * 5) is None
    assert _scale([1.0, 1.0, 1.0, 1.0, 1.001]) is None
    assert _scale([1.0, 1.0, 1.0, 1.0, float("nan")]) is None
    assert _scale([0.0] * 5) is None


@given(st.floats(1e-3, 1e3))
def test_any_positive_constant_is_a_scale(constant: float) -> None:
    assert _scale([constant] * 5) is not None


def test_shapes_of_blocks() -> None:
    row = np.arange(3.0)
    block, note = read_block(row[None, :], (3,), "grad")
    assert np.array_equal(block, row)
    assert note is not None
    assert (note.code, note.severity) == ("gradient-shape", "warning")
    assert read_block([1, 2, 3], (3,), "grad")[1] is None
    block, note = read_block(np.ones((2, 3)), (3, 2), "grad")
    assert block.shape == (2, 3)
    assert note is not None
    assert note.severity == "error"
    for part in ("text", [[1, 2], [3]], np.ones(4), None):
        block, note = read_block(part, (3,), "grad")
        assert np.all(np.isnan(block))
        assert note is not None


def test_results_of_another_form_are_broken() -> None:
    for result in (None, 3.0, (1.0,), (1.0, np.ones(2), 3, 4), ("cost", np.ones(2))):
        with pytest.raises(SubjectError) as caught:
            read_outcome(result, {"grad": (2,)}, "(cost, grad)")
        assert caught.value.finding.code == "result"


def test_a_tenth_of_a_percent_in_one_coordinate_is_seen() -> None:
    right = {"grad": np.array([1.0, -2.0, 0.5])}
    for i in range(3):
        wrong = right["grad"].copy()
        wrong[i] *= 1.001
        assert not blocks_agree({"grad": wrong}, right, 1.0)
    single = right["grad"].astype(np.float32).astype(np.float64) * (1 + 1e-6)
    assert blocks_agree({"grad": single}, right, 1.0)


def test_own_gradient_of_a_known_cost() -> None:
    def evaluate(values: dict[str, np.ndarray]) -> Outcome:
        x = values["x"]
        return Outcome(float(np.sum(np.sin(x)) + np.prod(x)), {"x": x})

    x = np.array([0.3, -1.2, 0.8])
    case = Case("", evaluate, {"x": x}, {}, {}, {})
    gradient = own_gradient(case)
    assert gradient is not None
    assert np.allclose(gradient["x"], np.cos(x) + np.prod(x) / x, rtol=1e-8)


def test_scripted_draws_are_known_and_never_end() -> None:
    dataset = ScriptedDataset([3, 1], 4)
    drawn = [dataset.sampleTokenIdx() for _ in range(60)]
    assert drawn[:2] == [3, 1]
    assert set(drawn) == {0, 1, 2, 3}
    assert dataset.stream(60) == drawn == dataset.drawn
    dataset.rewind()
    assert [dataset.sampleTokenIdx() for _ in range(60)] == drawn
    word, context = dataset.getRandomContext(3)
    assert word in dataset.tokens()
    assert len(context) == 6


def test_multisets_are_all_there_once() -> None:
    counts = _multisets(3, 4)
    assert len(counts) == 35  # C(4 + 3, 3)
    assert len({tuple(row) for row in counts.tolist()}) == 35
    assert counts.min() == 0
    assert counts.sum(axis=1).max() == 4


def test_plain_values_are_json() -> None:
    assert plain({"a": np.float64("nan"), 2: np.arange(3), "b": np.bool_(True)}) == {
        "a": "nan",
        "2": [0, 1, 2],
        "b": True,
    }
    assert plain(np.zeros((10, 10)))["shape"] == [10, 10]
