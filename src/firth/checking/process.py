"""Room checking: the parent's side of the child process: starts it, sends jobs, and handles its death."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from firth.base.owned import OwnedFolder
from firth.checking.descendants import end_marked
from firth.checking.discovery import FoundFunction
from firth.checking.report import Finding, FunctionReport, read_report
from firth.checking.worker_protocol import DONE, MAX_ANSWER_BYTES, READY
from firth.errors import FirthError, ParameterError

START_UP_S = 60.0  # for Python and NumPy, on a busy machine
REPLY_S = 15.0  # added to a job's own limit, so that the child can end the function's processes and answer
MIN_MEMORY_MIB = 256


@dataclass(frozen=True)
class Limits:
    """Limits for one function: wall-clock time in seconds, and address space in MiB (only on Linux).

    Raises
    ------
    ParameterError
    """

    time_s: float = 20.0
    memory_mib: int = 2048

    def __post_init__(self) -> None:
        if not 0 < self.time_s < float("inf"):
            raise ParameterError(f"time limit must be a positive number of seconds, got {self.time_s}")
        if self.memory_mib < MIN_MEMORY_MIB:
            raise ParameterError(f"memory limit must be at least {MIN_MEMORY_MIB} MiB, got {self.memory_mib}")


@dataclass(frozen=True)
class SourceFile:
    """The content of a file, read once, so that the inspected and the graded content are the same."""

    path: Path
    data: bytes

    @property
    def as_json(self) -> tuple[str, str, str]:
        """Label, folder, and the bytes as text. The bytes are not decoded, so the file's coding line applies."""
        return str(self.path), str(self.path.parent.absolute()), self.data.decode("latin-1")


class CheckingProcess:
    """The child process, as a context manager. The first job starts it; after a death the next job starts another."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._folder: OwnedFolder | None = None
        self._mark = f"FIRTH_CHECK={secrets.token_hex(16)}"

    def __enter__(self) -> CheckingProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._folder is not None:
            self._folder.remove()

    def inspect(
        self, source: SourceFile, function: str | None, like: str | None, reference_names: list[str] | None
    ) -> tuple[list[str], list[FoundFunction]]:
        """The syntax errors of a file, and the functions in it to grade."""
        file, _, text = source.as_json
        job = {"task": "inspect", "name": "the file", "kind": "", "file": file, "source": text}
        answer = self._ask(job | {"function": function, "like": like, "reference_names": reference_names})
        if answer is None:
            return ["parsing the file crashed the grader's child process"], []
        found = [FoundFunction(name, kind, certain=certain) for name, kind, certain in answer["functions"]]
        return [str(error) for error in answer["errors"]], found

    def grade(
        self, source: SourceFile, function: FoundFunction, reference: SourceFile | None = None
    ) -> FunctionReport | None:
        """The report on one function, even if the child dies; None if the function turns out not to be an f(x)."""
        name, kind = function.name, function.kind
        file, folder, text = source.as_json
        compared = None if reference is None else reference.as_json
        job = {"task": "grade", "name": name, "kind": kind, "certain": function.certain, "reference": compared}
        answer = self._ask(job | {"file": file, "folder": folder, "source": text})
        if answer is None:
            finding = Finding("crash", "error", f"{name} crashed the grader's child process")
        elif answer.get("report", 0) is None and not function.certain:
            return None
        else:
            try:
                return read_report(answer.get("report"), name, kind)
            except ValueError as error:
                finding = Finding("crash", "error", f"{name} replaced its report: {error}")
        return FunctionReport(name, kind, "broken", findings=(finding,))

    def _ask(self, job: dict[str, Any]) -> dict[str, Any] | None:
        """The child's answer; None if there was no answer and the child was ended."""
        limits = {"time_limit": self.limits.time_s, "memory_limit_mib": self.limits.memory_mib}
        line = json.dumps(job | limits).encode() + b"\n"
        word = secrets.token_hex(16).encode()
        process = self._process or self._start()
        deadline = time.monotonic() + self.limits.time_s + REPLY_S
        try:
            self._write(process, line, deadline)
            while self._read_line(process, deadline) != DONE:
                pass  # a line that is not the child's
            # The word is sent when the function's process has ended, so the function cannot have read it.
            self._write(process, word + b"\n", deadline)
            while True:
                first, _, rest = self._read_line(process, deadline).partition(b" ")
                if first == word:
                    return dict(json.loads(rest))
        except (OSError, ValueError, RecursionError):
            self._stop()
            return None

    def _write(self, process: subprocess.Popen[bytes], data: bytes, deadline: float) -> None:
        """Write all data to the child's stdin. The pipe does not block, so a stopped child ends at the deadline.

        Raises
        ------
        OSError
        """
        assert process.stdin is not None
        descriptor = process.stdin.fileno()
        while data:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [descriptor], [], left)[1]:
                raise TimeoutError
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(descriptor, data) :]

    def _read_line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        """Read one line, without its line end.

        Raises
        ------
        OSError
            There is no line until the deadline, the line is too long, or the child has ended.
        """
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(descriptor, 1 << 16)
            if not chunk or len(self._buffer) > 2 * MAX_ANSWER_BYTES:
                raise BrokenPipeError
            self._buffer += chunk
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return bytes(line)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._folder is None:
            self._folder = OwnedFolder.temporary("to grade in")
        (self._folder.path / "empty").mkdir(parents=True, exist_ok=True)  # a function may have removed it
        # One thread, because the child forks. An empty folder, so that no file in it shadows a module.
        environment = dict(os.environ)
        environment.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
        name, _, value = self._mark.partition("=")
        environment[name] = value
        package = str(Path(__file__).resolve().parents[2])
        code = f"import sys; sys.path.insert(0, {package!r}); from firth.checking.worker import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.path / "empty",
            env=environment,
            start_new_session=True,
        )
        self._process = process
        self._buffer = bytearray()
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        try:
            ready = self._read_line(process, time.monotonic() + START_UP_S)
        except OSError:
            ready = b""
        if ready != READY:
            self._stop()
            raise FirthError("the grader's child process did not start; run `python -m firth.checking.worker`")
        return process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
        process.kill()
        process.wait()
        end_marked(self._mark)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
