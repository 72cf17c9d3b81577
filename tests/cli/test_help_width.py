"""Help pages in a terminal of 80 columns: no word is cut, and defaults in brackets are printed."""

from __future__ import annotations

import pytest
from typer.core import TyperGroup

from firth.cli.main import COMMANDS, load_command

PAGES = [
    (name, *inner)
    for name, entry in COMMANDS.items()
    for command in [load_command(name, entry)]
    for inner in [[], *([one] for one in (command.commands if isinstance(command, TyperGroup) else ()))]
]


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_a_help_page_fits_80_columns(run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    shown = run(*words, "--help").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "\u2026" not in shown  # where Rich cuts a word
    assert "<bool>" not in shown


def test_brackets_are_printed(run) -> None:
    assert "[default: standard output]" in run("classify", "predict", "--help").stdout
    assert "pip install 'firth[tune]'" in run("classify", "tune", "--help").stdout
