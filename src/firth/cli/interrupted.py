"""Room cli: what a training command prints when its run is interrupted, or its model cannot be saved.

Tests: tests/cli/test_interrupt.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from firth.cli.exits import EXIT_INTERRUPTED
from firth.errors import ParameterError
from firth.models.run_files import RUN_NAME, WORK_NAME, resume_command
from firth.training.run.finishing import UnsavedModelError
from firth.training.run.rescue import attached_to, describe_cut_off, save_elsewhere

if TYPE_CHECKING:
    from firth.classification.classifier import Classifier
    from firth.models.model import Model


def tell_interrupted(
    stop: KeyboardInterrupt | SystemExit, output: Path, quiet: bool
) -> tuple[Model | Classifier | None, Path | None]:
    """Print where an interrupted run left its work; returns the model that was kept, and where it is saved."""
    model, place, failure = attached_to(stop)
    told_by_display = place is not None and isinstance(stop, SystemExit) and not quiet
    told = []
    if model is not None:
        place = place or save_elsewhere(model, output)
        lost = f"{failure}; no other folder can be written, so the model is lost"
        told.append(lost if place is None else describe_cut_off(model, place, failure))
    if is_resumable(output):
        told.append(f"continue with `{resume_command(output)}`")
    if not told_by_display:
        typer.echo(f"Interrupted: {'; '.join(told) or 'nothing of the run was saved'}.", err=True)
    return model, place


def is_resumable(output: Path) -> bool:
    """Whether an output folder has an unfinished run with what resuming needs."""
    return (output / WORK_NAME / RUN_NAME).exists()


def exit_status(stop: KeyboardInterrupt | SystemExit) -> int:
    """The exit status of a command that a signal interrupted."""
    code = stop.code if isinstance(stop, SystemExit) else EXIT_INTERRUPTED
    return code if isinstance(code, int) else EXIT_INTERRUPTED


def rescue(error: UnsavedModelError, output: Path) -> str:
    """Save a model that could not be saved in another folder; returns the message for the user."""
    place = save_elsewhere(error.model, output)
    if place is None:
        return f"{error.reason}; no other folder can be written, so the model is lost"
    return f"{error.reason}; the model is saved to {place} instead"


def validate_resume_alone(ctx: typer.Context, allowed: Mapping[str, str]) -> None:
    """Refuse parameters beside --resume, except those in ``allowed``, which has the flag of each name."""
    given = [name for name in ctx.params if is_given(ctx, name) and name not in allowed]
    if given:
        flags = [flag for name, flag in allowed.items() if name != "resume"]
        raise ParameterError(
            f"--resume must come without {_shown(ctx, given[0])}: the folder has the run's parameters;"
            f" only {', '.join(flags[:-1])} and {flags[-1]} may be given"
        )


def _shown(ctx: typer.Context, name: str) -> str:
    """The flag of a parameter, or the name of an argument in the help page."""
    parameter = next((one for one in ctx.command.params if one.name == name), None)
    longest: str = max(getattr(parameter, "opts", None) or [name], key=len)
    return longest if longest.startswith("-") else longest.upper()


def is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


__all__ = ["exit_status", "is_given", "is_resumable", "rescue", "tell_interrupted", "validate_resume_alone"]
