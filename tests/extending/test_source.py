"""Sources of examples beside text: weighted pairs and bags, given as they are, and a source that lives in this folder.

The oracle is written here: gradients of single predictions by numerics, applied one by one in float64.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firth.errors import IdError, NativeError, ParameterError, ShapeError
from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import Examples, explicit_examples, pair_examples, text_examples
from firth.kernels.plan import PlanTables, plan_examples
from firth.kernels.proof import NativeUnit
from firth.kernels.registry import OBJECTIVES
from firth.kernels.settings import open_kernel
from firth.native.loader import available_instruction_sets
from firth.numerics import hierarchical_softmax_loss, negative_sampling_loss, one_vs_all_loss, softmax_loss
from firth.numerics.huffman import HuffmanTree, build_huffman_tree

HERE = Path(__file__).parent
N_INPUT_ROWS, N_TARGETS, DIMS = 23, 8, 12  # rows are not words: no two of these numbers are equal
SIDES = [pair for pair in OBJECTIVES if pair[0] in ("skipgram", "cbow")]
BY_SIDES = pytest.mark.parametrize("sides", SIDES, ids="/".join)
BY_SET = pytest.mark.parametrize("instruction_set", available_instruction_sets())
Matrix = NDArray[np.float64]
Update = tuple[float, Matrix, Matrix]


def make_config(sides: tuple[str, str], **parameters: Any) -> TrainingConfig:
    given = {
        "architecture": sides[0], "loss": sides[1], "dims": DIMS, "subsample": 0.0, "epochs": 2, "seed": 11,
        "learning_rate": 0.25, "min_learning_rate": 0.05, "threads": 1, **parameters,
    }  # fmt: skip
    return TrainingConfig(**given).resolved()


def make_pairs(n_pairs: int = 700, seed: int = 4) -> Examples:
    rng = np.random.default_rng(seed)
    inputs, targets = rng.integers(0, N_INPUT_ROWS, n_pairs), np.minimum(rng.geometric(0.3, n_pairs) - 1, N_TARGETS - 1)
    weights = rng.choice([0.0, 0.25, 0.5, 1.0, 2.0], n_pairs)
    return pair_examples(inputs, targets, weights=weights, n_input_rows=N_INPUT_ROWS, n_targets=N_TARGETS)


def make_bags(n_bags: int = 160, seed: int = 5) -> Examples:
    """Some are empty, some have a row twice, and some are so wide that skip-gram takes them in parts."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([0, 1, 2, 3, 5, 9, 30, 60], n_bags)
    rows = rng.integers(0, N_INPUT_ROWS, lengths.sum())
    targets, weights = rng.integers(0, N_TARGETS, n_bags), rng.choice([0.5, 1.0, 1.5], n_bags)
    return explicit_examples(
        rows, np.concatenate([[0], np.cumsum(lengths)]), targets, weights=weights, n_input_rows=N_INPUT_ROWS,
        n_targets=N_TARGETS,
    )  # fmt: skip


EXAMPLES = {"pairs": make_pairs(), "bags": make_bags()}
BY_EXAMPLES = pytest.mark.parametrize("name", EXAMPLES)


def predict(
    loss: str, vector: Matrix, outputs: Matrix, target: int, negatives: tuple[int, ...], tree: HuffmanTree | None
) -> tuple[float, Matrix, Any]:
    """Loss and gradients of one prediction, by the function of numerics that its name says."""
    if loss in ("softmax", "one-vs-all"):
        return (softmax_loss if loss == "softmax" else one_vs_all_loss)(vector, outputs, target)
    if tree is not None:
        return hierarchical_softmax_loss(vector, outputs, *tree.path(target))
    return negative_sampling_loss(vector, outputs, target, negatives)


def gradients(
    sides: tuple[str, str],
    inputs: Matrix,
    outputs: Matrix,
    bag: tuple[int, ...],
    target: int,
    negatives: tuple[int, ...],
    tree: HuffmanTree | None,
) -> Update:
    """Loss of one unit and its dense gradients: a vector of each row, or the mean of all."""
    total, of_inputs, of_outputs = 0.0, np.zeros_like(inputs), np.zeros_like(outputs)
    bags = [(row,) for row in bag] if sides[0] == "skipgram" else [bag]
    for rows in bags:
        loss, gradient, row_gradient = predict(
            sides[1], inputs[list(rows)].mean(axis=0), outputs, target, negatives, tree
        )
        total += loss
        np.add.at(of_inputs, list(rows), gradient / len(rows))
        of_outputs += row_gradient.to_dense(len(outputs)) if hasattr(row_gradient, "to_dense") else row_gradient
    return total, of_inputs, of_outputs


def tree_of(examples: Examples, sides: tuple[str, str]) -> HuffmanTree | None:
    return build_huffman_tree(examples.counts) if OBJECTIVES[sides].outputs.needs_tree else None


def planned_units(
    examples: Examples, config: TrainingConfig, epoch: int, start: int, stop: int
) -> Iterator[tuple[int, int, tuple[int, ...], tuple[int, ...]]]:
    """Position, target, bag and negatives of each unit, by the plan in NumPy."""
    assert examples.targets is not None
    tables = PlanTables.build(examples.counts, config)
    plan = plan_examples(
        examples.ids, examples.offsets, examples.targets, tables, config, epoch=epoch, start=start, stop=stop
    )
    for window in plan:
        for bag, negatives in window.parts:
            yield window.position, window.target_id, bag, negatives


# ---- one update


@BY_SET
@BY_SIDES
@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
def test_the_update_of_a_pair_is_weight_times_the_gradient(
    instruction_set: str, sides: tuple[str, str], weight: float
) -> None:
    """In float64, at learning rate 1, with other numbers of input rows and of targets: 1e-12 of each number."""
    rng = np.random.default_rng(3)
    objective = OBJECTIVES[sides]
    tree = build_huffman_tree(rng.integers(1, 50, N_TARGETS)) if objective.outputs.needs_tree else None
    n_output_rows = N_TARGETS - objective.outputs.rows_below_vocabulary
    before = rng.normal(0, 0.5, (N_INPUT_ROWS, DIMS)), rng.normal(0, 0.5, (n_output_rows, DIMS))
    options = {"cbow_input": "mean", "cbow_update": "gradient"} if sides[0] == "cbow" else {}
    unit = NativeUnit(objective, *before, options, tree)
    row, target, negatives = N_INPUT_ROWS - 1, 5, (1, 6, 1, 0)
    kernel = open_kernel(instruction_set)
    stride = -(-DIMS // 8) * 8
    after = [_aligned(len(matrix), stride) for matrix in before]
    for padded, matrix in zip(after, before, strict=True):
        padded[:, :DIMS] = matrix
    loss = kernel.update_unit(
        unit._settings(kernel, *after), np.array([row], np.int32), None, np.array([target], np.int32),
        np.array(negatives if objective.outputs.draws_negatives else [], np.int32), weight, double_precision=True,
    )  # fmt: skip
    expected_loss, *expected = gradients(sides, *before, (row,), target, negatives, tree)
    assert abs(loss - expected_loss) <= 1e-12 * max(1, expected_loss)
    for start, padded, gradient in zip(before, after, expected, strict=True):
        assert np.abs(start - padded[:, :DIMS] - weight * gradient).max() <= 1e-12
        assert np.abs(gradient).max() > 0.01


def _aligned(n_rows: int, stride: int) -> Matrix:
    memory = np.zeros(n_rows * stride + 8)
    first = -memory.ctypes.data % 64 // 8
    return memory[first : first + n_rows * stride].reshape(n_rows, stride)


@BY_SET
@BY_SIDES
def test_the_first_update_of_the_source_is_exact(instruction_set: str, sides: tuple[str, str]) -> None:
    """Of output vectors that are zero, all numbers of a pair's update have few bits: float32 has them as they are."""
    pairs = pair_examples([20, 3], [5, 1], weights=[0.75, 1.0], n_input_rows=N_INPUT_ROWS, n_targets=N_TARGETS)
    config = make_config(sides, learning_rate=0.5, min_learning_rate=0.5)
    start = np.random.default_rng(1).integers(-32, 33, (N_INPUT_ROWS, DIMS)).astype(np.float32) / 64
    engine = Engine(pairs, config, initial_vectors=start, instruction_set=instruction_set)
    result = engine.train_slice(0, 1, 0)
    ((_, target, bag, negatives),) = planned_units(pairs, config, 0, 0, 1)
    assert (target, bag) == (5, (20,))
    outputs = np.zeros(engine.output_vectors.shape)
    loss, of_inputs, of_outputs = gradients(
        sides, start.astype(np.float64), outputs, bag, target, negatives, tree_of(pairs, sides)
    )
    assert np.abs(engine.input_vectors - (start - 0.75 * 0.5 * of_inputs)).max() <= 1e-12
    assert np.abs(engine.output_vectors - (outputs - 0.75 * 0.5 * of_outputs)).max() <= 1e-12
    assert np.abs(engine.output_vectors).max() > 0.01
    assert result.loss_nats == pytest.approx(0.75 * loss, rel=1e-6)
    assert (result.weight, result.n_examples, result.n_centers) == (0.75, 1, 1)


@BY_SET
@pytest.mark.parametrize("n_targets", [1, 2, 8])
def test_one_vs_all_takes_all_targets_of_an_example(instruction_set: str, n_targets: int) -> None:
    """In float64, at learning rate 1, of a bag with a repeated row: 1e-12 of each number."""
    sides = ("cbow", "one-vs-all")
    rng = np.random.default_rng(n_targets)
    before = rng.normal(0, 0.5, (N_INPUT_ROWS, DIMS)), rng.normal(0, 0.5, (N_TARGETS, DIMS))
    own = rng.permutation(N_TARGETS)[:n_targets].astype(np.int32)
    bag = (3, 1, 3, 20)
    unit = NativeUnit(OBJECTIVES[sides], *before, {"cbow_input": "mean", "cbow_update": "gradient"}, None)
    kernel = open_kernel(instruction_set)
    after = [_aligned(len(matrix), -(-DIMS // 8) * 8) for matrix in before]
    for padded, matrix in zip(after, before, strict=True):
        padded[:, :DIMS] = matrix
    settings = unit._settings(kernel, *after).replace(
        targets=np.concatenate([np.zeros(1, np.int32), own]),
        target_offsets=np.array([0, 1, 1 + n_targets]),
        n_sequences=2,
    )
    loss = kernel.update_unit(
        settings, np.array(bag, np.int32), None, np.array([1], np.int32), np.zeros(0, np.int32), 1.0,
        double_precision=True,
    )  # fmt: skip
    h = before[0][list(bag)].mean(axis=0)
    expected_loss, gradient, of_rows = one_vs_all_loss(h, before[1], own)
    of_inputs = np.zeros_like(before[0])
    np.add.at(of_inputs, list(bag), gradient / len(bag))
    assert abs(loss - expected_loss) <= 1e-12 * expected_loss
    assert np.abs(before[0] - after[0][:, :DIMS] - of_inputs).max() <= 1e-12
    assert np.abs(before[1] - after[1][:, :DIMS] - of_rows.to_dense(N_TARGETS)).max() <= 1e-12
    assert np.abs(of_inputs).max() > 0.01


@pytest.mark.parametrize("loss", ["softmax", "one-vs-all", "negative-sampling"])
def test_of_several_targets_one_is_drawn_as_its_twin_draws(loss: str) -> None:
    rng = np.random.default_rng(8)
    lengths, n_targets = rng.integers(1, 5, 400), rng.integers(1, 4, 400)
    examples = explicit_examples(
        rng.integers(0, N_INPUT_ROWS, lengths.sum()), np.concatenate([[0], np.cumsum(lengths)]),
        rng.integers(0, N_TARGETS, n_targets.sum()), n_input_rows=N_INPUT_ROWS, n_targets=N_TARGETS,
        target_offsets=np.concatenate([[0], np.cumsum(n_targets)]),
    )  # fmt: skip
    config = make_config(("cbow", loss))
    engine = Engine(examples, config)
    assert examples.targets is not None
    drawn = []
    for epoch in (0, 1):
        _, targets, *_ = engine._kernel.plan_slice(engine._settings, 0, len(examples.ids), epoch)
        plan = plan_examples(
            examples.ids, examples.offsets, examples.targets, PlanTables.build(examples.counts, config), config,
            epoch=epoch, start=0, stop=len(examples.ids), target_offsets=examples.target_offsets,
        )  # fmt: skip
        assert targets.tolist() == [window.target_id for window in plan]
        drawn.append(targets)
    if loss == "one-vs-all":
        assert drawn[0].tolist() == list(range(400))
    else:
        assert 50 < np.count_nonzero(drawn[0] != drawn[1]) < 350


# ---- the plan


@BY_EXAMPLES
@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
@pytest.mark.parametrize("collision", ["reject", "drop", "count"])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_native_plan_is_its_twin(name: str, sharing: str, collision: str, architecture: str) -> None:
    if (architecture, sharing) == ("cbow", "pair"):
        pytest.skip("CBOW makes one vector of a bag: it has no negatives by pair")
    examples = EXAMPLES[name]
    config = make_config(
        (architecture, "negative-sampling"), negative_sharing=sharing, target_collision=collision, negatives=3
    )
    engine = Engine(examples, config)
    borders = [0, 1, 65, 130, 131, len(examples.ids)]
    found = []
    for start, stop in itertools.pairwise(borders):
        positions, targets, context_at, contexts, negatives_at, negatives = engine._kernel.plan_slice(
            engine._settings, start, stop, 1
        )
        found += [
            (
                int(positions[w]),
                int(targets[w]),
                tuple(contexts[context_at[w] : context_at[w + 1]].tolist()),
                tuple(negatives[negatives_at[w] : negatives_at[w + 1]].tolist()),
            )
            for w in range(len(positions))
        ]
    assert examples.targets is not None
    tables = PlanTables.build(examples.counts, config)
    plan = plan_examples(
        examples.ids, examples.offsets, examples.targets, tables, config, epoch=1, start=0, stop=len(examples.ids)
    )
    assert found == [(w.position, w.target_id, w.context_ids, w.negative_ids) for w in plan]
    assert len(found) == int(examples.counts.sum())


# ---- runs


@BY_EXAMPLES
@BY_SIDES
def test_two_epochs_are_the_plan_through_the_formulas(name: str, sides: tuple[str, str]) -> None:
    examples = EXAMPLES[name]
    config = make_config(sides, cbow_update="gradient", learning_rate=0.1)
    engine = Engine(examples, config)
    inputs, outputs = engine.input_vectors.astype(np.float64), engine.output_vectors.astype(np.float64)
    start = inputs.copy()
    tree, n_positions = tree_of(examples, sides), len(examples.ids)
    assert examples.weights is not None
    assert config.learning_rate is not None
    for epoch in (0, 1):
        expected = 0.0
        for position, target, bag, negatives in planned_units(examples, config, epoch, 0, n_positions):
            weight = float(examples.weights[np.searchsorted(examples.offsets, position, side="right") - 1])
            done = (epoch * n_positions + position) / (2 * n_positions)
            rate = config.learning_rate + (0.05 - config.learning_rate) * done
            loss, of_inputs, of_outputs = gradients(sides, inputs, outputs, bag, target, negatives, tree)
            inputs -= rate * weight * of_inputs
            outputs -= rate * weight * of_outputs
            expected += weight * loss
        slices = itertools.pairwise([0, n_positions // 3 // 64 * 64, n_positions])
        found = sum(engine.train_slice(first, last, epoch).loss_nats for first, last in slices)
        assert found == pytest.approx(expected, rel=2e-5)
    assert np.abs(engine.input_vectors - inputs).max() < 2e-5
    assert np.abs(engine.output_vectors - outputs).max() < 2e-5
    assert np.abs(inputs - start).max() > 5e-3  # hundreds of times the bounds


@BY_EXAMPLES
@BY_SIDES
def test_rounds_have_the_same_bits_from_any_number_of_threads(name: str, sides: tuple[str, str]) -> None:
    examples = make_pairs(9000, 8) if name == "pairs" else make_bags(900, 9)
    found = []
    for threads in (1, 2, 3):
        engine = Engine(examples, make_config(sides, learning_rate=0.001, min_learning_rate=0.0005))
        assert 1000 <= engine.round_tokens < len(examples.ids)
        loss = [engine.train_rounds(0, len(examples.ids), epoch, threads).loss_nats for epoch in (0, 1)]
        found.append((loss, engine.input_vectors.tobytes(), engine.output_vectors.tobytes()))
    assert found[0] == found[1] == found[2]
    assert found[0][0][1] < found[0][0][0]


@BY_SIDES
def test_pairs_are_learned(sides: tuple[str, str]) -> None:
    """Each input row has one target: what is left of the loss of guessing is small, in pairs that were held out too."""
    rows = np.random.default_rng(2).integers(0, N_INPUT_ROWS, 4000)
    pairs = pair_examples(rows, rows % N_TARGETS, n_input_rows=N_INPUT_ROWS, n_targets=N_TARGETS)
    engine = Engine(pairs, make_config(sides, epochs=4, negatives=4))
    first = engine.first_loss(1000)
    assert first == pytest.approx(engine.guessing_loss_nats, rel=1e-3)
    for epoch in range(4):
        engine.train_slice(0, len(rows), epoch)
    held_out = np.arange(N_INPUT_ROWS)
    loss, n_examples = engine.heldout_loss(held_out, np.arange(N_INPUT_ROWS + 1), held_out % N_TARGETS)
    assert n_examples == N_INPUT_ROWS
    assert loss < 0.5 * first


def test_frozen_input_rows_stay_and_two_threads_learn() -> None:
    pairs = make_pairs(3000, 6)
    frozen = np.arange(N_INPUT_ROWS) % 2 == 0
    engine = Engine(pairs, make_config(("skipgram", "negative-sampling"), threads=2), frozen=frozen)
    before = engine.input_vectors
    engine.train_slice(0, 3000, 0)
    moved = (engine.input_vectors != before).any(axis=1)
    assert moved.tolist() == (~frozen).tolist()


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rows": [0, N_INPUT_ROWS]}, IdError, r"^rows must be in \[0, 23\), got 23 at index 1"),
        ({"rows": [0, -1]}, IdError, r"^rows must be in \[0, 23\), got -1 at index 1"),
        ({"rows": [0.0, 1.0]}, IdError, "^rows must hold whole numbers, got float64"),
        ({"rows": [[0, 1]]}, ShapeError, "^rows must have one dimension, got 2"),
        ({"targets": [0, N_TARGETS]}, IdError, r"^targets must be in \[0, 8\), got 8 at index 1"),
        ({"targets": [0]}, ShapeError, r"^offsets must have shape \(2,\), one more than there are targets, got \(3,\)"),
        ({"offsets": [0, 1, 3]}, ParameterError, "^offsets must rise from 0 to 2, the number of rows, got 0 to 3"),
        ({"offsets": [0, 3, 2]}, ParameterError, "^offsets must rise from 0 to 2, .* got 0 to 2 with a fall between"),
        ({"rows": [], "offsets": [0, 0, 0]}, ParameterError, "^rows must hold at least one input row, got none"),
        ({"target_offsets": [0, 1, 1]}, ParameterError, "^target_offsets must rise from 0 to 2, .*, got 0 to 1"),
        ({"target_offsets": [0, 0, 2]}, ParameterError, "^target_offsets must rise from 0 to 2, .* with a target for"),
        ({"weights": [1.0]}, ShapeError, r"^weights must have shape \(2,\), one for each target, got \(1,\)"),
        ({"weights": [1.0, -0.5]}, ParameterError, "^weights must be finite and not negative, got -0.5 for example 1"),
        ({"weights": [math.nan, 1]}, ParameterError, "^weights must be finite and not negative, got nan for example 0"),
    ],
)
def test_bad_examples_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {"rows": [0, 1], "offsets": [0, 1, 2], "targets": [0, 1], **changes}
    with pytest.raises(error, match=message):
        explicit_examples(**given, n_input_rows=N_INPUT_ROWS, n_targets=N_TARGETS)


def test_pairs_must_be_as_many_on_both_sides() -> None:
    with pytest.raises(ShapeError, match=r"^targets must have shape \(3,\), one for each input, got \(2,\)"):
        pair_examples([0, 1, 2], [0, 1], n_input_rows=3, n_targets=3)


def test_what_only_text_has_is_refused() -> None:
    with pytest.raises(ParameterError, match="^subsample must be 0 for the source 'examples', which leaves out"):
        Engine(make_pairs(), make_config(("skipgram", "softmax"), subsample=1e-3))
    engine = Engine(make_pairs(), make_config(("skipgram", "softmax")))
    with pytest.raises(ParameterError, match="^targets must be given if and only if"):
        engine.heldout_loss(np.zeros(3, np.int32), np.array([0, 3]))


def test_a_source_that_is_not_in_the_library_is_named() -> None:
    walks = dataclasses.replace(make_pairs(), source="walks")
    expected = r"^source must be one of .* sources of examples windows, examples, documents, pairs, got 'walks'"
    with pytest.raises(NativeError, match=expected):
        Engine(walks, make_config(("skipgram", "softmax")))
    text = dataclasses.replace(
        text_examples(np.zeros(4, np.int32), np.array([0, 4]), np.array([2, 2])), source="examples", subsamples=False
    )
    engine = Engine(text, make_config(("skipgram", "softmax")))
    with pytest.raises(ParameterError, match="^explicit examples must have targets"):
        engine.train_slice(0, 4, 0)


# ---- a source of one's own


def test_a_source_of_this_folder_is_compiled_in(extended: Any) -> None:
    done = extended.run([str(HERE / "toy_source_program.py")])
    assert done.returncode == 0, done.stderr[-6000:]
    report = json.loads(done.stdout)
    assert report["sources"] == ["windows", "examples", "documents", "pairs", "successors"]
    assert set(report["runs"]) == {"/".join(sides) for sides in SIDES}
    for run in report["runs"].values():
        assert run["equals explicit pairs"] is True
        assert run["deterministic"] is True
        assert run["losses"][-1] < 0.95 * run["losses"][0]
