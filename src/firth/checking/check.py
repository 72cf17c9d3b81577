"""Room checking: the entry point of the room: makes a report for each file. Runs no code of the files itself.

Tests: tests/checking/test_gallery.py.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firth.checking.discovery import (
    KINDS,
    Target,
    describe_syntax_error,
    find_files,
    parse_kind,
    read_source,
    split_units,
)
from firth.checking.loader import parse_units
from firth.checking.process import CheckingProcess, Limits, SourceFile
from firth.checking.report import FileReport, FunctionReport
from firth.errors import ParameterError, StorageError


def check_paths(
    paths: Sequence[str | Path],
    *,
    like: str | None = None,
    against: str | Path | None = None,
    limits: Limits | None = None,
) -> Iterator[FileReport]:
    """Grade the functions of files, each function in a child process with limits of time and memory.

    The child process is not a sandbox: the code runs with the caller's rights.

    Parameters
    ----------
    paths : FILE, FILE:FUNCTION, notebooks, folders
    like : a kind (docs/grader.md) for functions whose names are not known
    against : a file with another implementation; functions of the same name are compared, by relative error
    limits : Limits, by default 20 s and 2 GiB for each function

    Yields
    ------
    FileReport
        The report of each file, in order, as soon as it is complete.

    Raises
    ------
    ParameterError, StorageError
        An argument is invalid; raised before any function is run.
    """
    kind = None if like is None else parse_kind(like)
    targets = find_files(paths)
    if not targets:
        raise StorageError(f"PATH must have a .py or .ipynb file, got {', '.join(map(str, paths))}")
    reference = None if against is None else _read_reference(Path(against))
    return _check_targets(targets, kind, reference, limits or Limits())


MAX_LATE = 5  # functions of one file that may reach the time limit; more would delay the other files


@dataclass(frozen=True)
class _Reference:
    source: SourceFile
    names: list[str]


def _read_reference(path: Path) -> _Reference:
    if not path.is_file():
        raise StorageError(f"--against must be a file, got {path}")
    source = SourceFile(path, read_source(path))
    names: list[str] = []
    for unit, tree in parse_units(split_units(str(path), source.data)):
        if not isinstance(tree, ast.Module):
            raise ParameterError(f"--against {path}: {describe_syntax_error(unit, tree)}")
        names += [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return _Reference(source, names)


def _check_targets(
    targets: Sequence[Target], like: str | None, reference: _Reference | None, limits: Limits
) -> Iterator[FileReport]:
    with CheckingProcess(limits) as process:
        for target in targets:
            yield _check_file(process, target, like, reference)


def _check_file(process: CheckingProcess, target: Target, like: str | None, reference: _Reference | None) -> FileReport:
    """The report of one file. No file can affect the reports of the other files."""
    file = str(target.path)
    try:
        if target.error is not None:
            raise StorageError(target.error)
        source = SourceFile(target.path, read_source(target.path))
    except StorageError as error:
        return FileReport(file, str(error), asked_for=target.asked_for)
    names = None if reference is None else reference.names
    errors, found = process.inspect(source, target.function, like, names)
    functions: list[FunctionReport] = []
    n_late = 0
    for i, function in enumerate(found):
        if n_late == MAX_LATE:
            left = ", ".join(item.name for item in found[i : i + 5]) + (", ..." if len(found) > i + 5 else "")
            errors.append(
                f"{len(found) - i} functions were not run, because {MAX_LATE} functions reached the time limit: {left}"
            )
            break
        began = time.monotonic()
        report = process.grade(source, function, None if reference is None else reference.source)
        n_late += time.monotonic() - began >= process.limits.time_s
        if report is not None:
            functions.append(report)
    error_text = "; ".join(errors) or None
    if error_text is None and not functions and target.asked_for:
        if reference is not None:
            error_text = "has no function that the reference also defines"
        elif target.function is not None:
            error_text = f"has no function {target.function!r} at its top level"
        else:
            error_text = f"has no known function; name one (FILE:FUNCTION) or its kind (--like {'|'.join(KINDS)})"
    return FileReport(file, error_text, tuple(functions), target.asked_for)
