"""docs/fasttext.md: its examples print what it shows, and its tables name every public name."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

import firth.compat.fasttext as fasttext
from firth.cli import fasttext_program
from firth.cli.fasttext_program import main
from firth.compat.fasttext import pybind, util
from firth.compat.fasttext.arguments import SUPERVISED_NAMES, UNSUPERVISED_NAMES
from firth.compat.fasttext.FastText import _FastText

PAGE = (Path(__file__).parents[3] / "docs" / "fasttext.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[tuple[set[str], str]]:
    """The names of the first column, and the second column, of each row of a section's table."""
    cells = [line.split(" | ", 1) for line in section(title).splitlines() if line.startswith("| `")]
    return [(set(re.findall(r"`([\w-]+)", first)), second) for first, second in cells]


def names(title: str) -> set[str]:
    return {name for found, _ in rows(title) for name in found}


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.M | re.S)[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "fasttext.md", "exec"), {})
    assert printed.getvalue() == shown


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("meals.txt").write_text("__label__food sweet apple pie\n__label__cars fast red car\n" * 50)
    block = re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S)[0]
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
    assert len(commands) == 4
    for line, expected in commands:
        before, _, call = line.rpartition("firth-fasttext ")
        text = re.findall(r'echo "(.*)" \|', before)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("".join(text).encode() + b"\n")))
        words, _, head = call.partition(" | head -n ")
        assert main(shlex.split(words)) == 0
        sys.stdout.flush()
        output = capfdbinary.readouterr().out.decode().splitlines(keepends=True)
        assert "".join(output[: int(head)] if head else output) == expected


def test_every_name_of_a_model_is_in_the_table() -> None:
    table = names("A model")
    assert public(_FastText) - table == set()
    told = set(re.findall(r"`(\w+)`", section("A model")))
    assert public(pybind.fasttext) - {"rows", "setRows"} - told == set()


def test_every_name_of_the_module_is_in_the_table() -> None:
    assert set(fasttext.__all__) - names("The module") == set()
    assert {name for name in util.__all__ if f"`{name}`" not in section("The module")} == set()
    assert {*SUPERVISED_NAMES, *UNSUPERVISED_NAMES} - names("The arguments") == set()
    assert set(fasttext_program._COMMANDS) == names("The program") - {"-verbose"}


def test_what_is_not_refused_is_there() -> None:
    model = fasttext.load_model(Path(__file__).parents[2] / "classification" / "golden" / "softmax.bin")
    of_training = {*_FastText.__annotations__, "model", "word"}
    for found, told in rows("A model"):
        if not told.startswith("refused"):
            assert not [name for name in found - of_training if not hasattr(model, name)]


@pytest.mark.parametrize("owner", [_FastText, pybind.fasttext, util, fasttext.FastText])
def test_every_public_name_has_a_docstring(owner: object) -> None:
    named = owner.__all__ if inspect.ismodule(owner) else public(owner)
    functions = [getattr(owner, name) for name in named]
    missing = [function for function in functions if inspect.isroutine(function) and not function.__doc__]
    assert not missing
