"""The page on language identification: its Python and its commands print what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from fasttext_answers import model_path
from typer.testing import CliRunner

from firth.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "language-identification.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
TEXTS = "Wo ist der Bahnhof?\nOù est la gare ?\nWhere is the station?\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, source in (("lid.176.ftz", "lid.176.ftz"), ("cooking.bin", "cooking.model.bin")):
        Path(name).write_bytes(model_path(source).read_bytes())
    Path("texts.txt").write_text(TEXTS, encoding="utf-8")
    valid = model_path("cooking.model.bin").parents[1] / "cooking" / "cooking.valid"
    Path("cooking.valid").write_bytes(valid.read_bytes())
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def test_python(folder: Path) -> None:
    names: dict[str, object] = {}
    blocks = PYTHON.findall(PAGE)
    assert len(blocks) >= 2
    shown, printed = "", io.StringIO()
    for code, output in blocks:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "language-identification.md", "exec"), names)
        shown += output
    numbers = re.compile(r"\d\.\d+(?:e-\d+)?")  # the last digits depend on the processor
    assert numbers.sub("#", printed.getvalue()) == numbers.sub("#", shown)
    for found, expected in zip(numbers.findall(printed.getvalue()), numbers.findall(shown), strict=True):
        assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_commands(folder: Path) -> None:
    lines = [line for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
    shown: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            shown.append((line[2:], []))
        else:
            shown[-1][1].append(line)
    assert len(shown) == 5
    for command, expected in shown:
        if command.startswith("cat "):
            assert "\n".join(expected) + "\n" == TEXTS
            continue
        command, _, source = command.partition(" < ")
        content = Path(source).read_text(encoding="utf-8") if source else None
        result = CliRunner().invoke(app, command.split()[1:], input=content, catch_exceptions=False)
        printed = [line.rstrip() for line in (result.stdout + result.stderr).splitlines()]
        cut = expected.index("...") if "..." in expected else len(expected)
        assert printed[:cut] == expected[:cut]
        rest = expected[cut + 1 :]
        assert printed[len(printed) - len(rest) :] == rest
