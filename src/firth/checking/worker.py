"""Room checking: the child process: forks for each function, under limits, and reports one JSON line for each.

Started by `process.py` alone. Python and NumPy are loaded once; every function runs in a fork of its own, in a session
of its own, so that a loop, a crash or a changed global stays there. What it prints goes nowhere. This is no sandbox:
the code runs with the user's rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

# NumPy imports these at first use, which would be in every fork anew.
import numpy.linalg
import numpy.ma
import numpy.random  # noqa: F401

from firth.checking.against import compare_function
from firth.checking.discovery import SourceUnit
from firth.checking.grading import broken, grade_function
from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import TimeLimitError

GRACE_S = 2.0  # between the alarm, which tells the line, and the kill


def main() -> None:
    """Read jobs, one JSON object a line, from stdin; answer each on the descriptor that stdout was."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for line in sys.stdin:
        answer = _run_forked(json.loads(line), answers.fileno())
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _run_forked(job: dict[str, Any], answers: int) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    token = secrets.token_hex(16).encode()  # what the function itself writes to the pipe is not the answer
    child = os.fork()
    if child == 0:
        os.close(read_end)
        os.close(answers)
        _run_job(job, write_end, token)
    os.close(write_end)
    data, in_time = _read_all(read_end, time.monotonic() + job["time_limit"] + GRACE_S)
    os.close(read_end)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    _, found, answer = data.partition(token)
    if found:
        with contextlib.suppress(json.JSONDecodeError):
            return dict(json.loads(answer.partition(token)[0]))
    name, kind = job["name"], job["kind"]
    if not in_time:
        message = f"{name} runs into the time limit of {job['time_limit']:g} s"
        finding = Finding("limit", "error", message)
    elif os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        message = f"{name} ends the process by signal {number} ({signal.Signals(number).name})"
        finding = Finding("crash", "error", message, {"signal": number})
    else:
        message = f"{name} ends the process with status {os.WEXITSTATUS(status)}"
        finding = Finding("crash", "error", message, {"exit_status": os.WEXITSTATUS(status)})
    return {"report": broken(name, kind, finding).as_dict()}


def _read_all(descriptor: int, deadline: float) -> tuple[bytes, bool]:
    """Everything until the other end is closed, and whether that was before the deadline."""
    chunks: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return b"".join(chunks), False
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return b"".join(chunks), True
        chunks.append(chunk)


def _run_job(job: dict[str, Any], write_end: int, token: bytes) -> NoReturn:
    """In the fork: limits, the grading, the answer; never returns."""
    try:
        os.setsid()
        devnull = os.open(os.devnull, os.O_RDWR)
        os.dup2(devnull, 0)
        _set_limits(job)
        units = [SourceUnit(label, _decode(source)) for label, source in job["units"]]
        folder = Path(job["folder"])
        report: FunctionReport | None
        if "reference" in job:
            reference = [SourceUnit(label, _decode(source)) for label, source in job["reference"]]
            report = compare_function(units, folder, reference, Path(job["reference_folder"]), job["name"], job["kind"])
        else:
            report = grade_function(units, folder, job["name"], job["kind"], certain=job["certain"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        _answer(write_end, token, {"report": None if report is None else report.as_dict()})
        os._exit(0)
    except BaseException as error:
        # The grader's own fault, or one that the function planted in it: told, not swallowed.
        finding = Finding("grader", "error", f"the grader failed: {type(error).__name__}: {error}")
        _answer(write_end, token, {"report": broken(job["name"], job["kind"], finding).as_dict()})
        os._exit(0)


def _answer(descriptor: int, token: bytes, answer: dict[str, Any]) -> None:
    data = token + json.dumps(answer).encode() + token
    while data:
        data = data[os.write(descriptor, data) :]


def _decode(source: str) -> bytes:
    return source.encode("latin-1")


def _set_limits(job: dict[str, Any]) -> None:
    def on_alarm(signum: int, frame: Any) -> None:
        raise TimeLimitError(f"{job['time_limit']:g} s")

    signal.signal(signal.SIGALRM, on_alarm)
    # Again every second: a bare `except:` in the function may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, job["time_limit"], 0.25)
    memory = int(job["memory_limit_mib"]) << 20
    if sys.platform.startswith("linux"):  # macOS counts its shared libraries: any useful limit is passed at the start
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    seconds = int(job["time_limit"] + GRACE_S) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


if __name__ == "__main__":
    main()
