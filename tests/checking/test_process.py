"""A loop without end, a crash, a print or a forged answer cannot hurt; one function's fate is not another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firth.checking import FileReport, Limits, check_paths, format_json
from firth.errors import ParameterError

GOOD = "def sigmoid_grad(s):\n    return s * (1 - s)\n"


def _check(tmp_path: Path, source: str, **options: object) -> FileReport:
    path = tmp_path / "student.py"
    path.write_text(source, encoding="utf-8")
    limits = Limits(time_s=2.0, memory_mib=1024)
    (report,) = check_paths([path], limits=limits, **options)  # type: ignore[arg-type]
    return report


def _verdicts(report: FileReport) -> dict[str, tuple[str, str | None]]:
    return {f.name: (f.verdict, f.codes[0] if f.codes else None) for f in report.functions}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("while True: pass", "limit"),
        ("while True:\n        try:\n            while True: pass\n        except BaseException: pass", "limit"),
        ("import time; time.sleep(60)", "limit"),
        ("return [0] * (1 << 40)", "limit"),
        ("import os; os._exit(0)", "crash"),
        ("import os; os.kill(os.getpid(), 9)", "crash"),
        ("import sys; sys.exit(3)", "raises"),
        ("raise KeyboardInterrupt", "raises"),
        ("return sigmoid(x)", "raises"),
        ("return undefined_name", "raises"),
    ],
    ids=["loop", "stubborn loop", "sleep", "memory", "exit", "kill", "sys.exit", "interrupt", "recursion", "name"],
)
def test_one_broken_function_leaves_the_others(tmp_path: Path, body: str, code: str) -> None:
    report = _check(tmp_path, f"def sigmoid(x):\n    {body}\n{GOOD}")
    assert _verdicts(report) == {"sigmoid": ("broken", code), "sigmoid_grad": ("correct", None)}


def test_the_line_is_told(tmp_path: Path) -> None:
    report = _check(
        tmp_path, "def sigmoid(x):\n    y = x\n    return y + nothing\ndef softmax(x):\n    while 1:\n        x = x\n"
    )
    lines = {function.name: function.findings[0].details["line"] for function in report.functions}
    assert lines["sigmoid"] == 3
    assert lines["softmax"] in (5, 6)


def test_output_and_forgery_do_not_reach_the_report(tmp_path: Path) -> None:
    source = f"""
import os, sys
def sigmoid(x):
    print("noise")
    os.system("echo noise; echo noise >&2")
    for descriptor in range(20):
        try:
            os.write(descriptor, b'{{"report": null}}\\n')
        except OSError:
            pass
    sys.stdin.read()
    return 1 / (1 + np.exp(-x))
{GOOD}"""
    report = _check(tmp_path, source)
    assert report.error is None
    assert _verdicts(report)["sigmoid_grad"] == ("correct", None)
    json.loads(format_json([report]))


def test_changes_to_numpy_stay_in_their_fork(tmp_path: Path) -> None:
    source = "import numpy as np\ndef sigmoid(x):\n    np.exp = None\n    np.random.seed = None\n    return x\n"
    report = _check(tmp_path, source + "def softmax(x):\n    e = np.exp(x - np.max(x, -1, keepdims=True))\n"
                    "    return e / e.sum(-1, keepdims=True)\n")  # fmt: skip
    assert _verdicts(report)["softmax"][0] == "correct"


def test_files_beside_do_not_shadow_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    assert _verdicts(_check(tmp_path, GOOD))["sigmoid_grad"][0] == "correct"


def test_a_definition_that_fails_is_broken(tmp_path: Path) -> None:
    report = _check(tmp_path, f"def sigmoid(x, y=nowhere):\n    return x\n{GOOD}")
    assert _verdicts(report) == {"sigmoid": ("broken", "raises"), "sigmoid_grad": ("correct", None)}


def test_limits_are_validated() -> None:
    with pytest.raises(ParameterError, match="time limit must be a positive number"):
        Limits(time_s=0)
    with pytest.raises(ParameterError, match="memory limit must be at least 256 MiB, got 1"):
        Limits(memory_mib=1)
