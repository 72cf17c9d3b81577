"""Room cli: ``firth clean`` lists and deletes files that killed runs left, if firth's mark proves whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from firth.cli.reading import AsJson, print_json


def clean(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of a model, or a folder that firth wrote files to. [default: the system's temporary folder]",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be deleted; delete nothing.")] = False,
    unfinished_runs: Annotated[
        bool,
        typer.Option("--unfinished-runs", help="Also delete the checkpoints of a run that could be resumed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the files that killed runs left.

    Deletes work folders, half-written files, tensors that no config.json names, and temporary folders. A file or folder
    is deleted only if it has firth's mark and the process that made it has ended. Symbolic links are not followed. Your
    own files in the same folders are kept. The checkpoints of a run that `firth train --resume` can continue are kept,
    unless --unfinished-runs is given.

    \b
    firth clean --dry-run        lists leftovers in the system's temporary folder
    firth clean model            deletes a model's .work folder and half-written files
    firth clean model --json

    Exit status: 1 if something could not be deleted.
    """
    from firth.training.run.cleaning import delete, find

    entries: list[dict[str, Any]] = []
    for found in find(folder, unfinished_runs=unfinished_runs):
        entry: dict[str, Any] = {
            "path": str(found.path),
            "kind": found.kind,
            "bytes": found.n_bytes,
            "deleted": False,
            "kept_because": found.kept_because,
            "error": None,
        }
        if found.kept_because is None and not dry_run:
            try:
                delete(found)
                entry["deleted"] = True
            except OSError as error:
                entry["error"] = error.strerror or str(error)
        entries.append(entry)
    if as_json:
        print_json({"folder": None if folder is None else str(folder), "dry_run": dry_run, "found": entries})
    else:
        _print_lines(entries, dry_run)
    if any(entry["error"] is not None for entry in entries):
        raise typer.Exit(1)


def _print_lines(entries: list[dict[str, Any]], dry_run: bool) -> None:
    from firth.training.loop.progress import format_bytes

    n_bytes = 0
    done = "to delete" if dry_run else "deleted"
    for entry in entries:
        state, reason = done, ""
        if entry["error"] is not None:
            state, reason = "failed", f": {entry['error']}"
        elif entry["kept_because"] is not None:
            state, reason = "kept", f": {entry['kept_because']}"
        else:
            n_bytes += entry["bytes"]
        typer.echo(f"{state:<9} {format_bytes(entry['bytes']):>10}  {entry['path']} ({entry['kind']}){reason}")
    typer.echo(f"{done:<9} {format_bytes(n_bytes):>10}  in all" if entries else "nothing was left behind")
