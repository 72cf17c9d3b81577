"""Short trainings of every pair of sides yield what they did when the golden runs were written, and what the reference
yields.

Losses and plans are compared on every machine; bits where compiler and C library are those of the golden runs
(golden_runs.py says why).
"""

from __future__ import annotations

import functools
import math

import golden_runs
import numpy as np
import pytest
from engines import make_engine
from golden_runs import CORPUS, Outcome, all_runs, describe_build, digest, path_of, slices
from trajectory import train_by_reference

from firth.kernels.registry import OBJECTIVES
from firth.native.loader import available_instruction_sets

X86_SETS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")
GOLDEN_SETS = tuple(sorted(path.stem for path in golden_runs.FOLDER.glob("x86-64-v*.json")))
LOSS_TOLERANCE = 1e-5
ON_PURPOSE = "if the change means to change numbers, write them anew: python tests/golden/write.py"

needs_instruction_set = pytest.mark.parametrize(
    "instruction_set",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in available_instruction_sets(), reason=f"no {name} here"))
        for name in GOLDEN_SETS
    ],
)


@functools.cache
def outcomes_of(instruction_set: str) -> dict[str, Outcome]:
    return golden_runs.train_all(instruction_set)


@functools.cache
def golden_of(instruction_set: str) -> dict[str, dict]:
    return golden_runs.read(instruction_set)


def largest_loss_difference(losses: list[float], golden: list[float]) -> float:
    """Relative; infinite where a loss is not finite or is missing."""
    if len(losses) != len(golden) or not all(map(math.isfinite, losses)):
        return math.inf
    return max(abs(loss - expected) / abs(expected) for loss, expected in zip(losses, golden, strict=True))


def test_every_x86_instruction_set_has_golden_runs() -> None:
    assert GOLDEN_SETS == X86_SETS


def test_the_corpus_is_that_of_the_golden_runs() -> None:
    for instruction_set in GOLDEN_SETS:
        assert golden_of(instruction_set)["corpus"] == digest(*CORPUS)
    lengths = np.diff(CORPUS.offsets)
    assert 300 in lengths
    assert (lengths == 0).sum() >= 2
    assert (CORPUS.ids[1:] == CORPUS.ids[:-1]).sum() > 100


@needs_instruction_set
def test_losses_and_plans_are_golden(instruction_set: str) -> None:
    outcomes, golden = outcomes_of(instruction_set), golden_of(instruction_set)["runs"]
    assert sorted(outcomes) == sorted(golden), f"other runs than in {path_of(instruction_set).name}; {ON_PURPOSE}"
    faults = []
    for name, outcome in outcomes.items():
        difference = largest_loss_difference(outcome.losses, golden[name]["losses"])
        if not difference <= LOSS_TOLERANCE:
            faults.append(f"{name}: losses differ by {difference:.1e}")
        if outcome.plan != golden[name].get("plan"):
            faults.append(f"{name}: other windows or noise words")
    assert not faults, "\n".join([f"{len(faults)} differences; {ON_PURPOSE}", *faults])


@needs_instruction_set
def test_bits_are_golden(instruction_set: str) -> None:
    golden = golden_of(instruction_set)
    build = describe_build(instruction_set)
    if any(golden[name] != value for name, value in build.items()):
        written_with = {name: golden[name] for name in build}
        pytest.skip(f"bits may differ: golden runs are of {written_with}, here is {build}; losses are compared")
    faults = []
    for name, outcome in outcomes_of(instruction_set).items():
        record, expected = outcome.to_json(), golden["runs"][name]
        if record != expected:
            parts = ", ".join(part for part in record if record[part] != expected.get(part))
            difference = largest_loss_difference(record["losses"], expected["losses"])
            faults.append(f"{name}: {parts}; losses differ by {difference:.1e}")
    assert not faults, "\n".join([f"{len(faults)} of {len(golden['runs'])} runs differ; {ON_PURPOSE}", *faults])


@pytest.mark.parametrize("name", [name for name, run in all_runs().items() if run.way == "copies"])
def test_runs_with_copies_of_rows_have_some(name: str) -> None:
    run = all_runs()[name]
    instruction_set = available_instruction_sets()[-1]
    in_place = make_engine(*CORPUS, **{**run.keywords(), "threads": 1, "instruction_set": instruction_set})
    first_slice = in_place.train_slice(*slices()[0]).loss_nats
    assert outcomes_of(instruction_set)[name].losses[0] != first_slice


def test_golden_losses_agree_between_instruction_sets() -> None:
    """They sum in another order and have or have not fused multiplications: the files cannot all be wrong alike."""
    first, *others = (golden_of(instruction_set)["runs"] for instruction_set in GOLDEN_SETS)
    for other in others:
        assert sorted(other) == sorted(first)
        for name, record in other.items():
            assert record.get("plan") == first[name].get("plan"), name
            assert largest_loss_difference(record["losses"], first[name]["losses"]) <= LOSS_TOLERANCE, name


FIRST_RUNS = ["/".join([o.name, *o.inputs.variants()[0].values()]) for o in OBJECTIVES.values()]


@pytest.mark.parametrize(
    ("name", "n_slices"),
    [
        *((f"{name}: slices", 1) for name in FIRST_RUNS),
        ("skipgram/negative-sampling: slices", len(slices())),
        ("cbow/negative-sampling/sum/word2vec: slices", 1),
        ("cbow/hierarchical-softmax/mean/word2vec: slices", 1),
        ("skipgram/negative-sampling: slices negative_sharing=window target_collision=count", 1),
    ],
)
def test_runs_are_the_reference(name: str, n_slices: int) -> None:
    """The first slice of some runs, and all of one, to the rounding of many updates in float32."""
    pieces, run = slices()[:n_slices], all_runs()[name]
    inputs, outputs, losses = train_by_reference(CORPUS, run.keywords(), pieces)
    for instruction_set in set(available_instruction_sets()) & set(GOLDEN_SETS):
        outcome = golden_runs.train(run, instruction_set, pieces)
        assert outcome.losses[:n_slices] == outcomes_of(instruction_set)[name].losses[:n_slices]
        assert largest_loss_difference(outcome.losses[:n_slices], losses) <= LOSS_TOLERANCE
        assert np.abs(outcome.input_vectors - inputs).max() < 1e-5
        assert np.abs(outcome.output_vectors - outputs).max() < 1e-5
