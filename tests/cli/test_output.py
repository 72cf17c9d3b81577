"""Room tests/cli: every command prints any text in any encoding, and says so where its output cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import firth

PACKAGE = str(Path(firth.__file__).parents[1])
FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of words that few encodings have, with files for every command."""
    folder = tmp_path_factory.mktemp("鯨é")
    (folder / "corpus.txt").write_text("鯨 é 😀 whale café\n" * 200, encoding="utf-8")
    firth.train(folder / "corpus.txt", output=folder / "m", dims=4, epochs=1, progress=False)
    (folder / "analogies").write_text(": 節\n鯨 é 😀 whale\n", encoding="utf-8")
    (folder / "pairs").write_text("鯨\té\t1\n鯨\twhale\t2\né\twhale\t3\n", encoding="utf-8")
    (folder / "texts").write_text("__label__海 鯨 é\n__label__家 whale café\n" * 10, encoding="utf-8")
    (folder / "f.py").write_text('def sigmoid(x):\n    """鯨"""\n    raise ValueError("鯨é")\n', encoding="utf-8")
    return folder


def firth_(arguments: list[str], folder: Path, encoding: str, **streams: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "firth", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": PACKAGE,
            "PYTHONIOENCODING": encoding,
            "COLUMNS": "200",
            "PYTHONUNBUFFERED": "",
        },
        timeout=120,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},  # type: ignore[call-overload]
    )


COMMANDS: list[tuple[int, list[str]]] = [
    (0, ["train", "corpus.txt", "-o", "trained", "--dims", "4", "--overwrite"]),
    (0, ["neighbors", "m", "鯨", "é"]),
    (0, ["neighbors", "m", "鯨", "é", "--json"]),
    (2, ["neighbors", "m", "無"]),
    (0, ["analogy", "m", "鯨", "é", "😀"]),
    (0, ["analogy", "m", "鯨", "é", "😀", "--json"]),
    (0, ["info", "m"]),
    (0, ["info", "m", "--json"]),
    (0, ["evaluate", "m", "--analogies", "analogies", "--sections"]),
    (0, ["evaluate", "m", "--similarity", "pairs", "--json"]),
    (0, ["convert", "m", "鯨.txt", "--overwrite"]),
    (1, ["check", "f.py", "--json"]),
    (1, ["check", "f.py", "--csv"]),
    (0, ["train", "--help"]),
]
CLASSIFY: list[tuple[int, list[str]]] = [
    (0, ["classify", "train", "texts", "--vectors", "m", "-o", "c", "--hidden", "2", "--overwrite"]),
    (0, ["classify", "predict", "c", "texts"]),
    (0, ["classify", "evaluate", "c", "texts"]),
    (0, ["classify", "evaluate", "c", "texts", "--json"]),
]


@pytest.mark.parametrize(
    ("encoding", "commands"),
    [
        ("cp1252", COMMANDS),
        ("ascii", COMMANDS[:3]),
        pytest.param("cp1252", CLASSIFY, marks=pytest.mark.slow),  # scikit-learn's import
    ],
    ids=["cp1252", "ascii", "classify"],
)
def test_every_command_prints_any_text(encoding: str, commands: list[tuple[int, list[str]]], folder: Path) -> None:
    """One process for all, as each costs a second: every command is a call of the program's own ``main``."""
    code = (
        "import json, sys\n"
        "from firth.cli.main import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    print(f'\\x1e{main(arguments)}', end='\\x1e', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, json.dumps([arguments for _, arguments in commands])],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": PACKAGE,
            "PYTHONIOENCODING": encoding,
            "COLUMNS": "200",
            "PYTHONUNBUFFERED": "",
        },
        capture_output=True,
        timeout=300,
    )
    errors = done.stderr.decode(encoding)
    assert (done.returncode, "Traceback" in errors) == (0, False), errors
    assert "\\u7121" in errors or commands is not COMMANDS, "the word that is unknown"
    printed = done.stdout.decode(encoding).split("\x1e")
    for (expected, arguments), text, status in zip(commands, printed[::2], printed[1::2], strict=False):
        assert int(status) == expected, (arguments, text, errors)
        if "--json" in arguments:
            assert all(json.loads(line) for line in text.splitlines())
        if arguments[:3] == ["neighbors", "m", "鯨"]:
            assert "\\u9be8" in text
    assert len(printed) == 2 * len(commands) + 1


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "corpus.txt", "-o", "full", "--dims", "4", "--json", "--overwrite"],
        ["info", "m", "--json"],
        ["check", "f.py"],
        ["classify", "--help"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_output_that_cannot_be_written_is_an_error(arguments: list[str], folder: Path) -> None:
    with FULL.open("w") as full:
        done = firth_(arguments, folder, "utf-8", stdout=full)
    error = done.stderr.decode().splitlines()[-1]
    assert done.returncode == 2
    assert error.startswith("Error: standard output cannot be written: No space left on device")
    assert b"Traceback" not in done.stderr
    if arguments[0] == "train":
        assert error.endswith("; the model is saved to full")
        assert firth.load(folder / "full").history.stop_reason == "finished"


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_log_ends_no_run(folder: Path) -> None:
    with FULL.open("w") as full:
        done = firth_(["train", "corpus.txt", "-o", "log", "--dims", "4", "--json"], folder, "utf-8", stderr=full)
        refused = firth_(["neighbors", "m", "無"], folder, "utf-8", stderr=full)
    assert done.returncode == 0
    assert json.loads(done.stdout)["notes"] == [
        "progress could not be shown (No space left on device); training continued"
    ]
    assert refused.returncode == 2, "the status tells what the error cannot"


@pytest.mark.parametrize("arguments", [["train", "corpus.txt", "-o", "gone", "--dims", "4"], ["--help"]])
def test_readers_that_are_gone(arguments: list[str], folder: Path) -> None:
    for is_error_gone in (False, True):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            streams = {"stderr" if is_error_gone else "stdout": writing}
            done = firth_([*arguments, "--overwrite"] if "-o" in arguments else arguments, folder, "utf-8", **streams)
        finally:
            os.close(writing)
        assert done.returncode == (0 if is_error_gone else 141)
        assert b"Traceback" not in (done.stderr or b"")
        if "-o" in arguments:
            assert firth.load(folder / "gone").history.stop_reason == "finished"


def test_words_with_terminal_codes_are_printed_whole(tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    """A pipe gets the words of the model, and not what is left of them without the codes."""
    word = "\x1b[31mred"
    model = firth.train([[word, "green", "blue"] * 20] * 5, dims=4, epochs=1, subsample=0, progress=False)
    model.save(tmp_path / "colours")
    lines = run("neighbors", tmp_path / "colours", "green").stdout.splitlines()
    assert {line.split()[-1] for line in lines[1:]} == {word, "blue"}
