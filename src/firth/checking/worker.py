"""Room checking: the child process: forks for each task, under limits, and answers each with one JSON line.

Only `process.py` starts it. Python and NumPy are loaded once. Every task (find the functions of a file, or grade one of
them) runs in a separate fork, session and folder. So a loop, a crash or a changed global affects only this task, and
all processes that the fork started are ended with it. Printed output is discarded. This is not a sandbox: the code runs
with the user's rights.

Answers are authenticated twice. The fork reads a token from a pipe when its work is done. This process reads the word
that it sends back to its parent only after the fork has ended. So text that a function writes to open descriptors is
not accepted as an answer.

Tests: tests/checking/test_process.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import secrets
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

# NumPy imports these modules at first use; without this import, every fork would import them again.
import numpy.linalg
import numpy.ma
import numpy.random  # noqa: F401

from firth.checking.against import compare_function
from firth.checking.descendants import HAS_PROC, NEW_PROCESSES, count_processes, end_descendants, list_descendants
from firth.checking.discovery import split_units
from firth.checking.grading import broken, grade_function
from firth.checking.inspection import inspect_source
from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import TimeLimitError
from firth.checking.tampering import Snapshot
from firth.checking.worker_protocol import DONE, MAX_ANSWER_BYTES, READY
from firth.native.processes import adopt_orphans, die_with_parent, hide_memory, show_memory

POLL_S = 0.05
GRACE_S = 2.0  # time between the alarm, which finds the line, and the kill
MAX_FOLDER_FILE_BYTES = 1 << 20  # largest size of a file that a function writes
_HIGHEST_DESCRIPTOR = 200  # the grader's own descriptors have this number or a larger one


def main() -> None:
    """Read a job and then a word, each on a line of stdin; answer on the original descriptor of stdout."""
    jobs, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    adopt_orphans()
    hide_memory()
    n_processes = count_processes() + NEW_PROCESSES if HAS_PROC else None
    os.write(answers, READY + b"\n")
    folder = os.getcwd()
    while line := _read_line(jobs):
        answer = _run_forked(json.loads(line), (jobs, answers), folder, n_processes)
        _write_all(answers, DONE + b"\n")
        word = _read_line(jobs).strip()  # the parent's word for this job, which no fork has seen
        _write_all(answers, word + b" " + json.dumps(answer).encode() + b"\n")


def _read_line(descriptor: int) -> bytes:
    """Read one line: a job, or the parent's word, which the parent sends after the fork has ended."""
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return b""
        line += chunk
    return bytes(line)


@dataclass
class _Ended:
    """The end of a fork.

    Attributes
    ----------
    data : bytes
        The bytes written to the fork's pipe.
    reason : str
        "answered", "closed" (the fork ended, or closed the pipe), "late", or "flood".
    status : int
        The status of ``os.waitpid``.
    """

    data: bytes
    reason: str
    status: int


def _run_forked(job: dict[str, Any], own: tuple[int, int], folder: str, n_processes: int | None) -> dict[str, Any]:
    answer_end, write_end = os.pipe()
    token_end, token_write_end = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        for descriptor in (answer_end, write_end, token_end, token_write_end):
            os.close(descriptor)
        return _failure(job, Finding("grader", "error", f"the grader could not start a process: {error.strerror}"))
    if child == 0:
        for descriptor in (*own, answer_end, token_write_end):
            os.close(descriptor)
        _run_job(job, _move_up(write_end), _move_up(token_end), folder, n_processes)
    os.close(write_end)
    os.close(token_end)
    token = secrets.token_hex(16).encode()  # made after the fork, so the fork's memory does not have it
    with contextlib.suppress(BrokenPipeError):
        os.write(token_write_end, token)
    os.close(token_write_end)
    ended = _wait(child, answer_end, token, time.monotonic() + job["time_limit"] + GRACE_S)
    os.close(answer_end)
    return _read_answer(ended.data, token) or _failure(job, _explain_end(job, ended))


def _move_up(descriptor: int) -> int:
    """Duplicate the descriptor to a high number, which loops over small numbers do not reach."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    at_least = min(_HIGHEST_DESCRIPTOR, limit // 2) + secrets.randbelow(max(1, min(limit // 2, 600) - 200))
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, at_least)
    os.close(descriptor)
    return moved


def _wait(child: int, descriptor: int, token: bytes, deadline: float) -> _Ended:
    """Read until the answer is complete, the fork has ended, or a limit is exceeded; then end all its processes."""
    data = bytearray()
    status = 0
    reason = "late"
    has_ended = False
    while time.monotonic() < deadline:
        # In short steps: a process that the fork started may keep the pipe open after the fork's end.
        if not select.select([descriptor], [], [], 0 if has_ended else POLL_S)[0]:
            if has_ended:
                reason = "closed"
                break
            pid, status = os.waitpid(child, os.WNOHANG)
            has_ended = pid != 0
            continue
        chunk = os.read(descriptor, 1 << 16)
        data += chunk
        if not chunk or data.count(token) >= 2:
            reason = "answered" if chunk else "closed"
            break
        if len(data) > MAX_ANSWER_BYTES:
            reason = "flood"
            break
    if not has_ended and reason == "closed":
        # The pipe is closed: the fork is ending, or the function closed it.
        while not has_ended and time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            has_ended = pid != 0
            time.sleep(0 if has_ended else 0.002)
        reason = "closed" if has_ended else "late"
    below = (
        [] if HAS_PROC else list_descendants(child)
    )  # before the child ends, because its descendants then get another parent
    for pid in (*below, child):
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
    if not has_ended:
        _, status = os.waitpid(child, 0)
    end_descendants()
    return _Ended(bytes(data), reason, status)


def _read_answer(data: bytes, token: bytes) -> dict[str, Any] | None:
    parts = data.split(token)
    if len(parts) < 3:
        return None
    try:
        answer = json.loads(parts[1])
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _explain_end(job: dict[str, Any], ended: _Ended) -> Finding:
    name = job["name"]
    if ended.reason == "late":
        return Finding("limit", "error", f"{name} reaches the time limit of {job['time_limit']:g} s")
    if ended.reason == "flood":
        message = f"{name} writes more than {MAX_ANSWER_BYTES >> 20} MiB to the grader's own pipe"
        return Finding("limit", "error", message, {"bytes": MAX_ANSWER_BYTES})
    if os.WIFSIGNALED(ended.status):
        number = os.WTERMSIG(ended.status)
        called = signal.Signals(number).name if number in set(signal.Signals) else "unnamed"
        message = f"{name} ends the process by signal {number} ({called})"
        return Finding("crash", "error", message, {"signal": number})
    message = f"{name} ends the process with status {os.WEXITSTATUS(ended.status)}"
    return Finding("crash", "error", message, {"exit_status": os.WEXITSTATUS(ended.status)})


def _failure(job: dict[str, Any], finding: Finding) -> dict[str, Any]:
    """An answer in place of that of a task without an answer."""
    if job["task"] == "inspect":
        return {"errors": [finding.message], "functions": []}
    return {"report": broken(job["name"], job["kind"], finding).as_dict()}


def _run_job(job: dict[str, Any], write_end: int, token_end: int, folder: str, n_processes: int | None) -> NoReturn:
    """Runs in the fork: sets limits, does the task, writes the answer; never returns."""
    try:
        os.setsid()
        die_with_parent()
        show_memory()
        _enter_folder(folder)
        _set_limits(job, n_processes)
        answer = _inspect(job) if job["task"] == "inspect" else _grade(job)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # A fault of the grader, or one that the function caused in it: reported, not hidden.
        answer = _failure(job, Finding("grader", "error", f"the grader failed: {type(error).__name__}: {error}"))
    try:
        token = os.read(token_end, 1 << 10)  # empty if the function has read the token
        _write_all(write_end, token + json.dumps(answer).encode() + token)
        os._exit(0)
    finally:
        os._exit(1)  # the function closed the pipes; the grader's loop must not continue in the fork


def _inspect(job: dict[str, Any]) -> dict[str, Any]:
    return inspect_source(job["file"], _decode(job["source"]), job["function"], job["like"], job["reference_names"])


def _grade(job: dict[str, Any]) -> dict[str, Any]:
    snapshot = Snapshot()
    try:
        report = _report(job)
    finally:
        replaced = snapshot.restore()
        if replaced:
            what = ", ".join(replaced[:5])
            message = f"{job['name']} replaces {what}, which the grader uses; its results are not accepted"
            return _failure(job, Finding("tampered", "error", message, {"names": replaced[:20]}))  # noqa: B012
    return {"report": None if report is None else report.as_dict()}


def _report(job: dict[str, Any]) -> FunctionReport | None:
    folder = Path(job["folder"])
    units = split_units(job["file"], _decode(job["source"]))
    if job["reference"] is None:
        return grade_function(units, folder, job["name"], job["kind"], certain=job["certain"])
    file, reference_folder, source = job["reference"]
    reference = split_units(file, _decode(source))
    return compare_function(units, folder, reference, Path(reference_folder), job["name"], job["kind"])


def _enter_folder(folder: str) -> None:
    """Enter a new empty folder, also for temporary files. No file in it shadows a module; it is removed later."""
    os.makedirs(folder, exist_ok=True)  # a function may have deleted it
    mine = tempfile.mkdtemp(dir=folder)
    os.chdir(mine)
    os.environ["TMPDIR"] = mine
    tempfile.tempdir = None


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _decode(source: str) -> bytes:
    return source.encode("latin-1")


def _set_limits(job: dict[str, Any], n_processes: int | None) -> None:
    def on_alarm(signum: int, frame: Any) -> None:
        raise TimeLimitError(f"{job['time_limit']:g} s")

    signal.signal(signal.SIGALRM, on_alarm)
    # Repeated every quarter of a second, because a bare `except:` in the function may catch the first alarm.
    signal.setitimer(signal.ITIMER_REAL, job["time_limit"], 0.25)
    memory = int(job["memory_limit_mib"]) << 20
    if sys.platform.startswith("linux"):  # macOS counts shared libraries, which exceed any useful limit at the start
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    seconds = int(job["time_limit"] + GRACE_S) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FOLDER_FILE_BYTES, MAX_FOLDER_FILE_BYTES))
    if n_processes is not None:
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        most = n_processes if hard == resource.RLIM_INFINITY else min(n_processes, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


if __name__ == "__main__":
    main()
