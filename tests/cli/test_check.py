"""`firth check`: forms of output, exit statuses, --like, --against."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from firth.cli.check import check

GALLERY = Path(__file__).parents[1] / "checking" / "gallery"
RIGHT = GALLERY / "softmax_cost/vectorised.py"
WRONG = GALLERY / "softmax_cost/sign.py"
BROKEN = GALLERY / "softmax_cost/unwritten.py"


@pytest.fixture(scope="module")
def run() -> object:
    app = typer.Typer()
    app.command()(check)
    runner = CliRunner()

    def invoke(*arguments: object) -> tuple[int, str]:
        result = runner.invoke(app, [str(argument) for argument in arguments])
        return result.exit_code, result.stdout

    return invoke


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(("files", "status"), [([RIGHT], 0), ([WRONG], 1), ([BROKEN], 1), ([RIGHT, WRONG], 1)], ids=str)
def test_exit_status(run, files: list[Path], status: int) -> None:  # type: ignore[no-untyped-def]
    assert run(*files)[0] == status


def test_json_lines_as_specified(run) -> None:  # type: ignore[no-untyped-def]
    status, output = run(RIGHT, WRONG, "--json")
    assert status == 1
    objects = [json.loads(line) for line in output.splitlines()]
    assert [item["file"] for item in objects] == [str(RIGHT), str(WRONG)]
    for item in objects:
        assert set(item) == {"file", "error", "functions"}
        assert item["error"] is None
        (function,) = item["functions"]
        assert set(function) == {"name", "kind", "verdict", "conventions", "findings"}
        assert set(function["conventions"]) == {"target", "reduction", "repeats"}
        for finding in function["findings"]:
            assert {"code", "severity", "message"} <= set(finding)
            assert finding["severity"] in ("error", "warning", "note")
    sign = next(f for f in objects[1]["functions"][0]["findings"] if f["code"] == "sign")
    assert sign["severity"] == "error"


def test_kind_is_the_first_of_its_names(run) -> None:  # type: ignore[no-untyped-def]
    item = json.loads(run(GALLERY / "softmax_cost/einsum.py", "--json")[1])
    assert (item["functions"][0]["name"], item["functions"][0]["kind"]) == (
        "naiveSoftmaxLossAndGradient",
        "softmaxCostAndGradient",
    )


def test_csv(run) -> None:  # type: ignore[no-untyped-def]
    status, output = run(GALLERY / "cbow/overwrite.py", "--csv")
    (row,) = csv.DictReader(io.StringIO(output))
    assert status == 1
    assert (row["verdict"], row["repeats"], row["target"]) == ("wrong-gradient", "overwrite", "")
    assert "repeats-overwritten" in row["findings"].split()


def test_text_is_for_reading(run) -> None:  # type: ignore[no-untyped-def]
    _, output = run(WRONG)
    assert "softmaxCostAndGradient: WRONG-GRADIENT" in output
    assert "[sign]" in output
    assert "0 of 1 functions correct" in output


def test_a_file_that_does_not_parse(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = _write(tmp_path / "python2.py", "def sigmoid(x):\n    return x\n\nprint 'hello'\n")
    status, output = run(path, RIGHT, "--json")
    item = json.loads(output.splitlines()[0])
    assert status == 2
    assert item["error"].startswith("line 4: ")
    assert "Python 2" in item["error"]
    assert item["functions"] == []


@pytest.mark.parametrize(
    "data",
    [b"def sigmoid(x):\n\treturn x\n        return 3\n", b"x = '\xff'\n", b"\0", b"def f(:\n", b"def sigmoid(x)\n"],
    ids=["tabs", "bytes", "nul", "syntax", "colon"],
)
def test_other_files_that_do_not_parse(run, tmp_path: Path, data: bytes) -> None:  # type: ignore[no-untyped-def]
    status, output = run(_write(tmp_path / "bad.py", data), "--json")
    assert status == 2
    assert "does not parse" in json.loads(output)["error"]


def test_latin1_with_its_coding_line(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    text = "# -*- coding: latin-1 -*-\nNAME = 'é'\ndef sigmoid_grad(s):\n    return s * (1 - s) * len(NAME)\n"
    assert run(_write(tmp_path / "latin.py", text.encode("latin-1")))[0] == 0


def test_a_file_without_a_known_function(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    empty = _write(tmp_path / "other.py", "def main():\n    return 3\n")
    status, output = run(empty, "--json")
    assert status == 2
    assert "has no known function" in json.loads(output)["error"]
    (tmp_path / "folder").mkdir()
    _write(tmp_path / "folder" / "a.py", "def main():\n    return 3\n")
    assert run(tmp_path / "folder")[0] == 2
    _write(tmp_path / "folder" / "b.py", "def sigmoid_grad(s):\n    return s - s * s\n")
    status, output = run(tmp_path / "folder", "--json")
    assert status == 0  # a folder's other files are no failure
    assert len(output.splitlines()) == 2


def test_a_notebook(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cells = [
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import numpy as np\n"]},
        {"cell_type": "code", "source": ["def sigmoid_grad(s):\n", "    return s * (1 - s)\n"]},
        {"cell_type": "code", "source": ["print 'python 2'\n"]},
        {"cell_type": "code", "source": ["def sigmoid(x):\n", "    return nothing\n"]},
    ]
    path = _write(tmp_path / "a.ipynb", json.dumps({"cells": cells, "nbformat": 4}))
    status, output = run(path, "--json")
    item = json.loads(output)
    assert status == 2
    assert item["error"].startswith("cell 3, line 1: ")
    assert {f["name"]: f["verdict"] for f in item["functions"]} == {"sigmoid_grad": "correct", "sigmoid": "broken"}
    finding = item["functions"][1]["findings"][0]
    assert (finding["cell"], finding["line"]) == (4, 2)


def test_a_function_of_another_name(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = "def logistic(x):\n    return 1 / (1 + np.exp(-x))\ndef square(x):\n    return np.sum(x * x), 2 * x\n"
    path = _write(tmp_path / "mine.py", source)
    assert run(path)[0] == 2
    assert run(f"{path}:logistic", "--like", "sigmoid")[0] == 0
    assert run(f"{path}:logistic", "--like", "sigmoid_grad")[0] == 1
    assert run(f"{path}:square")[0] == 0
    assert run(f"{path}:absent")[0] == 2


def test_against_a_reference(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    reference = _write(
        tmp_path / "reference.py", "import numpy as np\ndef gram(x, y): return np.dot(x.T, y), x.sum()\n"
    )
    same = _write(
        tmp_path / "same.py", "import numpy as np\ndef gram(x, y): return np.einsum('ab,ac->bc', x, y), np.sum(x)\n"
    )
    other = _write(
        tmp_path / "other.py", "import numpy as np\ndef gram(x, y): return 1.001 * np.dot(x.T, y), x.sum()\n"
    )
    none = _write(tmp_path / "none.py", "def grim(x, y): return x\n")
    bad = _write(tmp_path / "bad.py", "def gram(x, y): return x @ undefined\n")
    status, output = run(same, "--against", reference, "--json")  # it takes matrices alone, the reference vectors too
    assert status == 0
    assert json.loads(output)["functions"][0]["findings"][0]["code"] == "agrees"
    status, output = run(other, "--against", reference, "--json")
    (finding,) = json.loads(output)["functions"][0]["findings"]
    assert status == 1
    assert finding["code"] == "differs"
    assert 1e-4 < finding["rel_error"] < 1e-2
    assert run(none, "--against", reference)[0] == 2
    assert run(bad, "--against", reference)[0] == 1


def test_against_for_known_kinds(run) -> None:  # type: ignore[no-untyped-def]
    assert run(GALLERY / "negative_sampling/labels.py", "--against", GALLERY / "negative_sampling/course.py")[0] == 0
    assert (
        run(GALLERY / "negative_sampling/overwrite_loop.py", "--against", GALLERY / "negative_sampling/course.py")[0]
        == 1
    )
    assert run(GALLERY / "skipgram/sums.py", "--against", GALLERY / "skipgram/course.py")[0] == 0
    assert run(GALLERY / "network/stable.py", "--against", GALLERY / "network/course.py")[0] == 0
    assert run(GALLERY / "network/mean.py", "--against", GALLERY / "network/course.py")[0] == 1


def test_json_and_csv_exclude_each_other(run) -> None:  # type: ignore[no-untyped-def]
    assert run(RIGHT, "--json", "--csv")[0] == 2
