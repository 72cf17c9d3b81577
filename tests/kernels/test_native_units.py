"""The proof of the native kernels: one unit's update at learning rate 1 is the gradient; every objective and set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firth.kernels.proof import NativeUnit, UnitIds, cases_of, largest_update_error, make_case
from firth.kernels.reference import update_unit
from firth.kernels.registry import OBJECTIVES
from firth.native.loader import available_instruction_sets

SETS = available_instruction_sets()
CASES = [
    pytest.param(objective, name, id=f"{objective.name}-{name}")
    for objective in OBJECTIVES.values()
    for name in cases_of(objective)
]


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(("objective", "case_name"), CASES)
def test_update_at_learning_rate_one_is_the_gradient(instruction_set, objective, case_name):
    for options in objective.inputs.variants():
        case = make_case(objective, case_name, options)
        error = largest_update_error(case, instruction_set, double_precision=True)
        assert error <= 1e-12, f"{options}: {error}"


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(("objective", "case_name"), CASES)
def test_float32_update_agrees_with_float64(instruction_set, objective, case_name):
    for options in objective.inputs.variants():
        case = make_case(objective, case_name, options)
        error = largest_update_error(case, instruction_set, double_precision=False)
        assert error <= 2e-5, f"{options}: {error}"


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(("objective", "case_name"), CASES)
def test_words_that_are_bags_of_rows(instruction_set, objective, case_name):
    """Undivided steps of rows that words share, of a row twice in a bag; frozen rows, a factor."""
    for options in objective.inputs.variants():
        for frozen_rows, bag_step in (((), 1.0), ((3, 13, 14, 15, 9, 12), 0.375)):
            case = make_case(objective, case_name, options, in_bags=True)
            case.unit.frozen_rows, case.unit.bag_step = frozen_rows, bag_step
            error = largest_update_error(case, instruction_set, double_precision=True)
            assert error <= 1e-12, f"{options}: {error}"
            error = largest_update_error(case, instruction_set, double_precision=False)
            assert error <= 2e-5, f"{options}: {error}"


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("double_precision", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_unit_with_any_ids_agrees_with_the_reference(instruction_set, double_precision, objective, data):
    """Small vocabularies, so that words stand several times among the inputs, the outputs and both."""
    n_words = data.draw(st.integers(2, 9))
    word = st.integers(0, n_words - 1)
    targets = data.draw(st.lists(word, min_size=1, max_size=4 if objective.takes_several_windows else 1))
    bits = st.integers(1, 2 ** len(targets) - 1)  # the windows that have a context word
    context = data.draw(st.lists(st.tuples(word, bits), min_size=1, max_size=23))
    ids = UnitIds(context, targets, data.draw(st.lists(word, min_size=0, max_size=19)))
    assume(all(words for words, _ in ids.windows))
    options = data.draw(st.sampled_from(objective.inputs.variants()))
    dims = data.draw(st.sampled_from([1, 3, 15, 16, 17, 40]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    scale = data.draw(st.sampled_from([0.1, 1.0, 8.0]))
    unit = NativeUnit.random(objective, n_words, dims, options, rng, scale=scale)
    # A logit's rounding error grows with its terms; 23 words' sum of terms of size 8 was off by 2.1e-5.
    tolerance = 1e-12 if double_precision else 2e-5 * max(1.0, scale / 2)
    error = unit.update_error(ids, instruction_set, double_precision=double_precision)
    assert error <= tolerance


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_a_step_of_many_tiny_terms_is_summed_apart_from_its_row(instruction_set, architecture):
    """Full softmax over 20,000 words: each term is below half a unit of the row's last place; their sum is not.

    The bound, with u = 2^-24: a term has the error of its coefficient, whose logit is a float32 sum of D products. The
    step is summed by blocks of at most 12 terms, groups of 64 blocks, and these (native/cpp/objectives/block.hpp). Then
    it is added to the row, or by CBOW to three rows, after a division.
    """
    n_words, dims, rate, u = 20_000, 24, 5e-4, 2.0**-24
    rng = np.random.default_rng(8)
    inputs = rng.uniform(0.5, 1, (n_words, dims)).astype(np.float32).astype(np.float64)
    outputs = rng.uniform(0.1, 0.3, (n_words, dims)).astype(np.float32).astype(np.float64)
    objective = OBJECTIVES[architecture, "softmax"]
    ids = UnitIds.window([3, 1, 3], 5, [])
    unit = NativeUnit(objective, inputs, outputs, {}, None)
    _, got, _ = unit.update_natively(ids, instruction_set, double_precision=False, learning_rate=rate)
    expected, expected_outputs = inputs.copy(), outputs.copy()
    update_unit(objective, expected, expected_outputs, ids.windows, float(np.float32(rate)))

    vectors = inputs[[3, 1]] if architecture == "skipgram" else inputs[[3, 1, 3]].mean(axis=0)[None]
    logits = vectors @ outputs.T
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    terms = rate * (probabilities @ outputs + outputs[5]).max()  # the sum of a step's terms, each taken as positive
    of_coefficients = 2 * (dims + 4) * u * (np.abs(vectors) @ np.abs(outputs).T).max() + 8 * u
    n_blocks = n_words / 6  # of the narrowest registers
    of_sums = (12 + 64 + n_blocks / 64 + 2) * u
    times = 2  # word 3 stands twice
    bound = times * terms * (of_coefficients + of_sums + 3 * u) + 3 * u * np.abs(expected).max()
    error = np.abs(got[[3, 1], :dims] - expected[[3, 1]]).max()
    assert error <= bound
    largest_term = rate * probabilities.max() * outputs.max()
    assert largest_term < u / 2, "added to a row of 0.5 or more, every such term would be lost"
    lost = rate * (probabilities @ outputs).min()
    assert lost > 50 * bound, "the comparison can fail"


@pytest.mark.parametrize("instruction_set", SETS)
def test_the_loss_of_many_logits_is_the_logarithm_of_products(instruction_set):
    """2,000 negatives of one window: sizes at which each factor 1 + exp(-|z|) is near 2, between, and near 1."""
    objective = OBJECTIVES["cbow", "negative-sampling"]
    rng = np.random.default_rng(4)
    for scale in (1e-3, 1.0, 12.0):
        inputs = np.full((3, 1), 1.0)
        outputs = np.concatenate([[[scale]], rng.normal(0, scale, (2000, 1))]).astype(np.float32).astype(np.float64)
        unit = NativeUnit(objective, inputs, outputs, {}, None)
        ids = UnitIds.window([0, 1, 2], 0, list(range(1, 2001)))
        loss, _, _ = unit.update_natively(ids, instruction_set, double_precision=False)
        terms = np.logaddexp(0, np.concatenate([-outputs[0], outputs[1:, 0]]))
        # the term's own rounding in the sum of 32, and that of its factor and of its product
        assert abs(loss - terms.sum()) <= 2e-7 * len(terms) + 32 * 2.0**-24 * terms.sum()
    outputs[7] = np.nan
    assert np.isnan(unit.update_natively(ids, instruction_set, double_precision=False)[0])


@pytest.mark.parametrize("instruction_set", SETS)
def test_saturated_logits_keep_their_loss_and_gradient(instruction_set):
    """-log sigmoid(-1000) is 1000, and its gradient is one: no table, no clamp that skips updates."""
    for score in (-1000.0, -50.0, -7.0, 7.0, 50.0, 1000.0):
        for double_precision in (False, True):
            unit = NativeUnit.with_score(score)
            loss, error = unit.update_once(
                UnitIds.window([0], 1, []), instruction_set, double_precision=double_precision
            )
            exact = np.logaddexp(0, -score)
            assert abs(loss - exact) <= (1e-12 if double_precision else 1e-6) * max(1.0, abs(exact))
            assert error <= (1e-12 if double_precision else 1e-6)


def test_a_wrong_reference_is_seen(monkeypatch):
    """The comparison itself can fail: a gradient off by 0.1 % in one row is far above the tolerance."""
    objective = OBJECTIVES["skipgram", "negative-sampling"]
    case = make_case(objective, "repeats", {})

    def off_by_a_thousandth(*args, **kwargs):
        inputs = args[2]
        before = inputs.copy()
        loss = update_unit(*args, **kwargs)
        row = int(np.argmax(np.abs(inputs - before).sum(axis=1)))
        inputs[row] += 1e-3 * (inputs[row] - before[row])
        return loss

    monkeypatch.setattr("firth.kernels.proof.update_unit", off_by_a_thousandth)
    assert largest_update_error(case, SETS[-1], double_precision=True) > 1e-6
