"""The count on standard error: shown in a terminal, absent from pipes; and FILE from a pipe in `firth classify`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from firth.cli.counter import count_shown

GOLDEN = Path(__file__).parents[1] / "classification" / "golden"
MODEL = GOLDEN / "softmax-ngrams.bin"
COUNT = """
import time
from firth.cli.counter import count_shown
with count_shown("texts", 3) as add:
    for _ in range(3):
        add(1)
        time.sleep(0.2)
"""


def in_terminal(*words: object) -> str:
    """What a program writes on standard error if that is a terminal of 80 columns."""
    ours, its = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    command = [sys.executable, *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=its, env=environment
    ) as program:
        os.close(its)
        written = b""
        while data := _read(ours):
            written += data
    os.close(ours)
    assert program.returncode == 0, written
    return written.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux: the other end is closed
        return b""


def firth(*words: object, input: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    stream = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([sys.executable, "-m", "firth", *map(str, words)], capture_output=True, **stream)  # type: ignore[call-overload, no-any-return]


def test_a_terminal_sees_the_count() -> None:
    shown = in_terminal("-c", COUNT)
    assert "1 of 3 texts" in shown
    assert "3 of 3 texts" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is removed


def test_a_pipe_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with count_shown("texts") as add:
        add(1)
    assert capsys.readouterr() == ("", "")


def test_evaluate_counts_texts(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("__label__x a b\n" * 40)
    assert "40 texts" in in_terminal("-m", "firth", "classify", "evaluate", MODEL, tmp_path / "texts.txt")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_pipe_is_read_if_file_is_left_out(command: str) -> None:
    text = b"__label__x a b c\n"
    piped, dash = (firth("classify", command, MODEL, *rest, input=text) for rest in ([], ["-"]))
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout == dash.stdout != b""
    nothing = firth("classify", command, MODEL)
    assert nothing.returncode == 2
    assert nothing.stderr.startswith(b"Error: FILE must be given: ")
    assert b"- for standard input" in nothing.stderr


def test_train_reads_a_pipe(tmp_path: Path) -> None:
    made = firth("classify", "train", "-o", tmp_path / "m", "--dims", "4", input=b"__label__x a\n__label__y b\n" * 20)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(b"2 labels, 3 words")  # "</s>" too, as in fastText
