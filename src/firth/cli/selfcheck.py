"""Room cli: ``firth selfcheck`` runs the proof of the kernels on the user's machine.

It checks three statements for every objective of the registry, every option and every instruction set of the processor:

1. The gradient of the reference equals finite differences of its loss.
2. The update of the float64 kernel at learning rate 1 equals that gradient, to 1e-12.
3. The update of the float32 kernel equals that gradient, to the tolerance in ``kernels/proof.py``.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from firth.cli.counter import count_shown
from firth.cli.reading import AsJson, print_json
from firth.errors import NativeError
from firth.kernels.proof import (
    DOUBLE_TOLERANCE,
    SINGLE_TOLERANCE,
    UnitCase,
    cases_of,
    largest_update_error,
    make_case,
)
from firth.kernels.reference import compute_windows_gradient
from firth.kernels.registry import OBJECTIVES, Objective
from firth.native.loader import available_instruction_sets, missing_instruction_sets
from firth.numerics.gradient_check import TOLERANCES, check_gradient
from firth.numerics.gradients import RowGradient

REFERENCE = "reference"
# Finite differences take milliseconds for each coordinate, so the check uses two dimensions and three cases: ids that
# repeat among the inputs, among the outputs, and in both. The tests of numerics use larger sizes.
FINITE_DIFFERENCE_DIMS = 2
FINITE_DIFFERENCE_CASES = ("repeats", "target-among-negatives", "inputs-among-outputs")


@dataclass(frozen=True)
class Result:
    """One row of the table.

    Attributes
    ----------
    objective : str
    options : str
        Options of the input side.
    what : str
        ``"reference"`` (its gradient against finite differences), or an instruction set and a float type.
    n_cases : int
    largest_error : float
        Largest relative error of all cases; kernels/proof.py and the gradient checker define it.
    tolerance : float
    worst_case : str
    """

    objective: str
    options: str
    what: str
    n_cases: int
    largest_error: float
    tolerance: float
    worst_case: str

    @property
    def ok(self) -> bool:
        return bool(self.largest_error <= self.tolerance)  # False for NaN


def selfcheck(as_json: AsJson = False) -> None:
    """Prove the kernels on this machine: every objective on every instruction set, in seconds.

    Compares the gradients of the reference with finite differences, and the native updates with the reference. The
    cases include repeated words on both sides. Exit status 1 if a comparison fails.
    """
    start = time.perf_counter()
    instruction_sets = available_instruction_sets()
    if not instruction_sets:
        raise NativeError("no native library was built for this machine; reinstall firth")
    variants = [(objective, options) for objective in OBJECTIVES.values() for options in objective.inputs.variants()]
    results = []
    with count_shown("variants of the objectives checked", len(variants)) as add:
        for objective, options in variants:
            results += check_objective(objective, options, instruction_sets)
            add(1)
    seconds = time.perf_counter() - start
    failed = [result for result in results if not result.ok]
    if as_json:
        print_json(
            {
                "ok": not failed,
                "seconds": seconds,
                "instruction_sets": list(instruction_sets),
                "not_built": list(missing_instruction_sets()),
                "results": [{**vars(result), "ok": result.ok} for result in results],
            }
        )
    else:
        _print_table(results)
        n_cases = sum(result.n_cases for result in results)
        if missing_instruction_sets():
            typer.echo(
                f"not checked: {', '.join(missing_instruction_sets())}; this processor has these instruction sets, this"
                " build of firth does not"
            )
        typer.echo(
            f"{n_cases:,} checks on {', '.join(instruction_sets)} in {seconds:.1f} s: "
            + (f"{len(failed)} of {len(results)} rows FAILED" if failed else "all passed")
        )
    if failed:
        raise typer.Exit(1)


def check_objective(objective: Objective, options: dict[str, str], instruction_sets: tuple[str, ...]) -> list[Result]:
    """The rows of the table for one objective with one choice of its options."""
    label = " ".join(f"{name.removeprefix('cbow_')}={word}" for name, word in options.items())

    def row(what: str, errors: dict[str, float], tolerance: float) -> Result:
        worst = max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])
        return Result(objective.name, label, what, len(errors), errors[worst], tolerance, worst)

    rows = []
    if objective.inputs.is_gradient(options):
        small = {
            name: make_case(objective, name, options, dims=FINITE_DIFFERENCE_DIMS) for name in FINITE_DIFFERENCE_CASES
        }
        errors = {name: finite_difference_error(case) for name, case in small.items()}
        rows.append(row(REFERENCE, errors, TOLERANCES[np.dtype(np.float64)]))
    cases = {name: make_case(objective, name, options) for name in cases_of(objective)}
    cases |= {f"{name}-in-bags": make_case(objective, name, options, in_bags=True) for name in cases}
    for instruction_set in instruction_sets:
        for double, tolerance in ((True, DOUBLE_TOLERANCE), (False, SINGLE_TOLERANCE)):
            errors = {
                name: largest_update_error(case, instruction_set, double_precision=double)
                for name, case in cases.items()
            }
            rows.append(row(f"{instruction_set} float{64 if double else 32}", errors, tolerance))
    return rows


def finite_difference_error(case: UnitCase) -> float:
    """The largest relative error of the reference's gradient; infinite if the checker finds a fault."""
    unit, objective = case.unit, case.unit.objective
    shapes = {"input_vectors": unit.input_vectors, "output_vectors": unit.output_vectors}

    def loss_and_gradient(point: dict[str, NDArray[np.float64]]) -> tuple[float, dict[str, Any]]:
        loss, input_gradient, output_gradient = compute_windows_gradient(
            objective,
            point["input_vectors"],
            point["output_vectors"],
            case.ids.windows,
            negative_ids=case.ids.negatives if objective.outputs.draws_negatives else None,
            tree=unit.tree,
            options=unit.options,
        )
        gradients: dict[str, RowGradient] = {"input_vectors": input_gradient, "output_vectors": output_gradient}
        return loss, {name: gradient.to_dense(len(point[name])) for name, gradient in gradients.items()}

    report = check_gradient(loss_and_gradient, shapes)
    return report.max_relative_error if report.ok else float("inf")


def _print_table(results: list[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    instruction_sets = dict.fromkeys(result.what.split()[0] for result in results if result.what != REFERENCE)
    table = Table(title="largest relative error (all cases of repeated ids)", title_justify="left")
    table.add_column("objective", no_wrap=True)
    table.add_column("finite\ndifferences", justify="right")
    for name in instruction_sets:
        table.add_column(f"{name}\nfloat64", justify="right")
        table.add_column(f"{name}\nfloat32", justify="right")
    rows: dict[tuple[str, str], dict[str, Result]] = {}
    for result in results:
        rows.setdefault((result.objective, result.options), {})[result.what] = result
    columns = [REFERENCE, *(f"{name} float{bits}" for name in instruction_sets for bits in (64, 32))]
    for (objective, options), by_what in rows.items():
        cells = [_cell(by_what.get(what)) for what in columns]
        table.add_row(objective + (f"\n  {options}" if options else ""), *cells)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 140
    console.print(table)
    for result in results:
        if not result.ok:
            console.print(
                f"FAILED: {result.objective} {result.options} on {result.what}: {result.largest_error:.2g} is above"
                f" {result.tolerance:.0e}, in the case {result.worst_case!r}"
            )


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    return f"{result.largest_error:.1e}" + ("" if result.ok else " FAILED")
