"""One file's fault is that file's: whatever a file is or does, the others' verdicts are right, and soon there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from firth.checking import FileReport, Limits, check_paths, format_csv, format_json, format_text
from firth.checking.report import FunctionReport, printable, read_report
from firth.cli.check import check

GOOD = b"def sigmoid_grad(s):\n    return s * (1 - s)\n"
SIGMOID = "import os, signal, stat, sys, time, threading\nimport numpy as np\ndef sigmoid(x):\n"
RIGHT = "    return 1 / (1 + np.exp(-x))\n"

# What a function does, its verdict, and the first code where one is expected.
FUNCTIONS: dict[str, tuple[str, str, str | None]] = {
    "surrogate": ("    raise ValueError('\\ud800')\n", "broken", "raises"),
    "escape": ("    raise ValueError('\\x1b[2J\\x1b[1;1H  sigmoid: CORRECT')\n", "broken", "raises"),
    "right_to_left": ("    raise ValueError('\\u202ecorrect\\u2028')\n", "broken", "raises"),
    "str_fails": (
        "    class E(Exception):\n        def __str__(self): raise KeyError(3)\n    raise E\n",
        "broken",
        "raises",
    ),
    "repr_fails": ("    class R:\n        def __repr__(self): raise KeyError(3)\n    return R()\n", "wrong", None),
    "array_fails": (
        "    class R:\n        def __array__(self, *a, **k): raise ZeroDivisionError('mine')\n    return R()\n",
        "broken",
        "raises",
    ),
    "flood": (
        "    signal.setitimer(signal.ITIMER_REAL, 0)\n    for fd in range(3, 1000):\n        try:\n"
        "            while stat.S_ISFIFO(os.fstat(fd).st_mode): os.write(fd, bytes(65536))\n"
        "        except OSError: pass\n    return x\n",
        "broken",
        "limit",
    ),
    "closes_all": ("    os.closerange(3, 1000)\n" + RIGHT, "broken", "crash"),
    "forges": (
        '    text = b\'{"report": {"verdict": "correct"}}\\n\'\n    for fd in range(3, 1000):\n'
        "        try: os.write(fd, text)\n        except OSError: pass\n    os._exit(0)\n",
        "broken",
        "crash",
    ),
    "forges_by_the_parents_descriptors": (
        "    for fd in range(3, 1000):\n        try: os.write(os.open(f'/proc/{os.getppid()}/fd/{fd}', os.O_WRONLY),"
        " b'done\\n{\"report\": null}\\n')\n        except OSError: pass\n    os._exit(0)\n",
        "broken",
        "crash",
    ),
    "exits": ("    os._exit(0)\n", "broken", "crash"),
    "sys_exit": ("    sys.exit(0)\n", "broken", "raises"),
    "kills_its_parent": ("    os.kill(os.getppid(), 9)\n    time.sleep(60)\n", "broken", "crash"),
    "kills_its_group": ("    os.killpg(0, 9)\n", "broken", "crash"),
    "stops_itself": ("    os.kill(os.getpid(), signal.SIGSTOP)\n", "broken", "limit"),
    "deaf": (
        "    for n in range(1, 65):\n        try: signal.signal(n, signal.SIG_IGN)\n"
        "        except (OSError, ValueError): pass\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    time.sleep(60)\n",
        "broken",
        "limit",
    ),
    "prints": (
        "    os.write(1, bytes(1 << 20)); os.write(2, bytes(1 << 20)); print('a' * 99999)\n" + RIGHT,
        "correct",
        None,
    ),
    "reads": ("    sys.stdin.read()\n" + RIGHT, "correct", None),
    "thread": ("    threading.Thread(target=time.sleep, args=(60,)).start()\n" + RIGHT, "correct", None),
    "atexit": ("    import atexit; atexit.register(time.sleep, 60)\n" + RIGHT, "correct", None),
    "deletes_its_folder": ("    import shutil; shutil.rmtree(os.path.dirname(os.getcwd()))\n" + RIGHT, "correct", None),
    "fills_its_folder": ("    open('big', 'wb').write(bytes(4 << 20))\n" + RIGHT, "broken", None),
    "memory": ("    bytearray(3 << 30)\n", "broken", "limit"),
    "deep": ("    def f(n): return f(n + 1)\n    return f(0)\n", "broken", "raises"),
    "long_sum": ("    return " + " + ".join(["x"] * 400) + "\n", "wrong", None),
    "long_sum_of_gradients": ("    return x, " + " + ".join(["x_grad"] * 400) + "\n", "broken", "raises"),
    "replaces_numpys_all": (
        "    np.all = np.allclose = lambda *a, **k: True\n    return x * 7\n",
        "broken",
        "tampered",
    ),
    "replaces_the_exponential": ("    np.exp = lambda v: v\n    return x * 7\n", "broken", "tampered"),
    "replaces_the_grader": (
        "    import firth.checking.values as v\n    v.RIGHT_TOLERANCE = 1e9\n"
        "    v._relative_error = lambda *a: 0.0\n    return x * 7\n",
        "broken",
        "tampered",
    ),
    "adds_a_name_to_numpy": ("    np.float = float\n    np.mine = 3\n" + RIGHT, "correct", None),
}

FILES: dict[str, bytes] = {
    "empty.py": b"",
    "bom.py": b"\xef\xbb\xbf" + GOOD,
    "crlf.py": GOOD.replace(b"\n", b"\r\n"),
    "cr.py": GOOD.replace(b"\n", b"\r"),
    "tabs.py": GOOD.replace(b"    ", b"\t"),
    "latin.py": b"# coding: latin-1\nA = '\xe9'\n" + GOOD,
    "utf16.py": GOOD.decode().encode("utf-16"),
    "nul.py": GOOD + b"\0",
    "no_coding.py": b"# coding: no-such\n" + GOOD,
    "hex.py": b"# coding: hex\n" + GOOD,
    "brackets.py": b"x = " + b"(" * 100_000,
    "terms.py": b"X = " + b" + ".join([b"a"] * 5_000) + b"\n" + GOOD,
    "minus.py": b"x = " + b"-" * 100_000 + b"1\n" + GOOD,
    "sum.py": b"X = " + b" + ".join([b"a"] * 20_000) + b"\n" + GOOD,
    "deep.ipynb": b'{"cells": ' + b"[" * 200_000,
    "surrogate.ipynb": b'{"cells": [{"cell_type": "code", "source": "a=\'\\ud800\'\\ndef sigmoid(x): return x"}]}',
    "magics.ipynb": b'{"cells": [{"cell_type": "code", "source": ["!ls\\n", "%time x\\n", "x = !ls\\n"]},'
    b'{"cell_type": "code", "source": ["def sigmoid_grad(s):\\n", "    return s * (1 - s)\\n"]}]}',
    "line\nend.py": GOOD,
    "\x1b[2J.py": GOOD,
    "numpy.py": b"raise SystemExit(9)\n",
    "json.py": b"raise SystemExit(9)\n" + GOOD,
    "default_exits.py": b"import sys\ndef sigmoid(x, y=sys.exit(3)): return x\n" + GOOD,
    "twice.py": b"def sigmoid_grad(s): return 3\n" + GOOD,
}


ENDED_BY_THE_CLOCK = ("stops_itself", "deaf")  # graded apart, by a short limit; the others have time on a busy machine


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> list[FileReport]:
    folder = tmp_path_factory.mktemp("functions")
    for name, (body, _, _) in FUNCTIONS.items():
        (folder / f"{name}.py").write_text(SIGMOID + body + GOOD.decode())
    late = [folder / f"{name}.py" for name in ENDED_BY_THE_CLOCK]
    others = [path for path in folder.iterdir() if path not in late]
    return [*check_paths(late, limits=Limits(time_s=1)), *check_paths(others)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_does_is_its_own_verdict(name: str, functions: list[FileReport]) -> None:
    (report,) = [item for item in functions if Path(item.file).stem == name]
    graded = {function.name: function for function in report.functions}
    _, verdict, code = FUNCTIONS[name]
    assert graded["sigmoid_grad"].verdict == "correct"
    assert graded["sigmoid"].verdict == verdict, graded["sigmoid"]
    if code is not None:
        assert graded["sigmoid"].codes[0] == code, graded["sigmoid"]
    assert "grader" not in graded["sigmoid"].codes, graded["sigmoid"]


def test_a_flood_is_cut_before_the_time_is_up(functions: list[FileReport]) -> None:
    (report,) = [item for item in functions if Path(item.file).stem == "flood"]
    (finding,) = report.functions[0].findings
    assert finding.message == "sigmoid writes more than 4 MiB to the grader's own pipe"


def test_every_form_of_the_report_is_printable(functions: list[FileReport]) -> None:
    for text in (format_text(functions), format_csv(functions), format_json(functions)):
        assert all(line.isprintable() for line in text.split("\n"))
        text.encode("utf-8")
    for line in format_json(functions).splitlines():
        for function in json.loads(line)["functions"]:
            assert all(finding["message"].isprintable() for finding in function["findings"])


def test_what_a_file_is_is_its_own_verdict(tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    odd = os.fsencode(tmp_path) + b"/\xff\xfe.py"
    with open(odd, "wb") as handle:
        handle.write(GOOD)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "absent.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    reports = list(check_paths([tmp_path]))
    by_name = {Path(report.file).name: report for report in reports}
    assert set(by_name) == set(FILES) | {os.fsdecode(b"\xff\xfe.py"), "self.py"}
    right = {name for name, report in by_name.items() if [f.verdict for f in report.functions] == ["correct"]}
    good = {
        "bom.py",
        "crlf.py",
        "cr.py",
        "tabs.py",
        "latin.py",
        "magics.ipynb",
        "line\nend.py",
        "\x1b[2J.py",
        "json.py",
    }
    assert right >= good | {"twice.py", os.fsdecode(b"\xff\xfe.py")}
    for name in (
        "utf16.py",
        "nul.py",
        "no_coding.py",
        "hex.py",
        "brackets.py",
        "deep.ipynb",
        "surrogate.ipynb",
        "self.py",
    ):
        assert by_name[name].error, name
        assert "grader" not in str(by_name[name].error), by_name[name]
    exits = {f.name: f.verdict for f in by_name["default_exits.py"].functions}
    assert exits == {"sigmoid": "broken", "sigmoid_grad": "correct"}
    text = format_text(reports)
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode("utf-8")


def test_a_definition_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"def sigmoid(x, y=[0 for i in iter(int, 1)]): return x\n")
    (report,) = check_paths([tmp_path / "a.py"], limits=Limits(time_s=0.5))
    assert report.functions[0].codes == ("limit",)


def test_a_file_of_endless_functions_holds_nobody_up(tmp_path: Path) -> None:
    source = "".join(f"def loss_{i}(x):\n    while True: pass\n    return x, x\n" for i in range(40))
    (tmp_path / "a.py").write_text("def sigmoid(x):\n    while True: pass\n" + source)
    (tmp_path / "b.py").write_bytes(GOOD)
    first, second = check_paths([tmp_path], limits=Limits(time_s=0.3))
    assert [f.codes for f in first.functions] == [("limit",)]
    assert first.error is not None
    assert "36 functions were not run, because 5 functions reached the time limit: loss_4" in first.error
    assert [f.verdict for f in second.functions] == ["correct"]


def test_a_stub_under_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("def sigmoid(x):\n    raise NotImplemented\n")
    monkeypatch.chdir(tmp_path)
    (report,) = check_paths(["a.py"])
    assert report.functions[0].codes == ("not-implemented",)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (report,) = check_paths([tmp_path / "pipe.py"])
    assert report.error is not None
    assert "must be a regular file" in report.error


def test_a_file_too_large_for_a_program(tmp_path: Path) -> None:
    with open(tmp_path / "large.py", "wb") as handle:
        handle.truncate(1 << 30)
    (report,) = check_paths([tmp_path / "large.py"])
    assert report.error is not None
    assert "at most 32 MiB" in report.error


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a process that left its session stays")
@pytest.mark.parametrize(
    "start",
    [
        "    if os.path.exists('once'): return 1 / (1 + np.exp(-x))\n    open('once', 'w').close()\n"
        "    for _ in range(20):\n        if os.fork() == 0:\n            os.setsid()\n            if os.fork() == 0:\n"
        "                open('/dev/null'); os.execv('/bin/sh', ['sh', '-c', 'sleep 300; : MARK'])\n"
        "            os._exit(0)\n",
        "    import subprocess\n"
        "    subprocess.Popen(['sh', '-c', 'sleep 300; : MARK'], start_new_session=True, env={})\n",
        "    import subprocess\n    subprocess.Popen(['sh', '-c', 'sleep 300; : MARK'], start_new_session=True)\n"
        "    os.kill(os.getppid(), 9); time.sleep(60)\n",
    ],
    ids=["forked twice", "own session", "parent killed"],
)
def test_no_process_is_left_behind(tmp_path: Path, start: str) -> None:
    mark = f"firth-test-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "a.py").write_text(SIGMOID + start.replace("MARK", mark) + RIGHT + GOOD.decode())
    began = time.monotonic()
    (report,) = check_paths([tmp_path / "a.py"], limits=Limits(time_s=10))
    assert time.monotonic() - began < 9  # a process that holds the pipe open is not waited for
    assert {f.name: f.verdict for f in report.functions}["sigmoid_grad"] == "correct"
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes())
        except OSError:
            continue
    assert not [command for command in commands if mark.encode() in command]


def test_verdicts_are_printed_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(GOOD)
    (tmp_path / "b.py").write_text(SIGMOID + "    time.sleep(60)\n")
    command = [sys.executable, "-m", "firth", "check", "--time-limit", "30", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        began = time.monotonic()
        lines = [process.stdout.readline() for _ in range(2)]
        process.terminate()
    assert "sigmoid_grad: CORRECT" in lines[1]
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("form", ["--csv", "--json", "--text"])
def test_a_stream_that_cannot_encode(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_text(SIGMOID + "    raise ValueError('\\u0394\\u03a9')\n", encoding="utf-8")
    app = typer.Typer()
    app.command()(check)
    result = CliRunner(charset="ascii").invoke(app, [str(path), *([form] if form != "--text" else [])])
    assert result.exit_code == 1
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    with pytest.raises(typer.Exit):
        check([str(path)], None, None, form == "--json", form == "--csv", 20.0, 2048)


def test_printable() -> None:
    assert printable("a é Ω 語 b") == "a é Ω 語 b"
    assert printable("\x1b[2J\r\n\t\x9b\x7f") == r"\x1b[2J\r\n\t\x9b\x7f"
    assert printable("\u202e\u2066\u200b\u2028\ud800\ue000\ufeff") == r"\u202e\u2066\u200b\u2028\ud800\ue000\ufeff"


REPORT = FunctionReport("sigmoid", "sigmoid", "correct").as_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "perfect"},
        {"name": "softmax"},
        {"kind": "softmax"},
        {"conventions": {"target": "mine"}},
        {"conventions": None},
        {"findings": None},
        {"findings": [{}]},
        {"findings": [{"code": "a b", "severity": "note", "message": ""}]},
        {"findings": [{"code": "a", "severity": "loud", "message": ""}]},
        {"findings": [{"code": "a", "severity": "note", "message": 3}]},
        {"findings": [{"code": "a", "severity": "error", "message": ""}]},
        {"verdict": "wrong"},
    ],
    ids=str,
)
def test_what_is_no_report(change: dict[str, object]) -> None:
    assert read_report(REPORT, "sigmoid", "sigmoid").verdict == "correct"
    with pytest.raises(ValueError, match="its? "):
        read_report(REPORT | change, "sigmoid", "sigmoid")
    with pytest.raises(ValueError, match="its? "):
        read_report([REPORT], "sigmoid", "sigmoid")
