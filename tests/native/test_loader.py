"""Instruction sets that the processor has and that were not built: named by the loader and by `firth selfcheck`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firth.cli import main, selfcheck
from firth.errors import NativeError
from firth.native import loader


@pytest.fixture
def one_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A processor with two instruction sets, and a build of the better one."""
    monkeypatch.setattr(loader, "instruction_sets_of_processor", lambda: ("plain", "better"))
    monkeypatch.setenv(loader.FOLDER_VARIABLE, str(tmp_path))
    loader._library_path("better").touch()
    cached = (loader.available_instruction_sets, loader.missing_instruction_sets)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.mark.usefixtures("one_of_two")
def test_what_was_built_and_what_was_not() -> None:
    assert loader.available_instruction_sets() == ("better",)
    assert loader.missing_instruction_sets() == ("plain",)
    assert loader.default_instruction_set() == "better"


@pytest.mark.usefixtures("one_of_two")
def test_a_forced_set_that_was_not_built_says_how_to_build_it() -> None:
    message = r"must be one of better on this machine, got 'plain', which the processor has and this build of firth"
    with pytest.raises(NativeError, match=message + r" does not: `pip install \.` builds all of them; unset FIRTH_INS"):
        loader.load_library("plain")
    with pytest.raises(NativeError, match=r"^instruction set must be one of better on this machine, got 'mmx'; unset"):
        loader.load_library("mmx")


def test_selfcheck_tells_what_it_could_not_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcheck, "OBJECTIVES", {})  # no proof: only what is said of the build
    monkeypatch.setattr(selfcheck, "missing_instruction_sets", lambda: ("plain",))
    runner = CliRunner()
    told = runner.invoke(main.app, ["selfcheck"])
    assert "not checked: plain; this processor has these instruction sets, this build of firth does not" in told.output
    assert json.loads(runner.invoke(main.app, ["selfcheck", "--json"]).output)["not_built"] == ["plain"]
