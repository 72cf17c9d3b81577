"""Room checking: the parent's side of the child process: starts it, hands it jobs, outlives its death."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import firth
from firth.checking.discovery import SourceUnit
from firth.checking.report import Finding, FunctionReport
from firth.corpus.owned import OwnedFolder
from firth.errors import FirthError, ParameterError

START_UP_S = 60.0  # for Python and NumPy, on a busy machine
MIN_MEMORY_MIB = 256


@dataclass(frozen=True)
class Limits:
    """What one function may use: wall-clock seconds and MiB of address space (on Linux).

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


class CheckingProcess:
    """The child process, as a context manager; it is started by the first job."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._folder: OwnedFolder | None = None

    def __enter__(self) -> CheckingProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._folder is not None:
            self._folder.remove()

    def grade(
        self,
        units: Sequence[SourceUnit],
        folder: Path,
        name: str,
        kind: str,
        *,
        certain: bool = True,
        reference: tuple[Sequence[SourceUnit], Path] | None = None,
    ) -> FunctionReport | None:
        """The report on one function, whatever becomes of the child; None for what is no f(x) after all."""
        job: dict[str, Any] = {
            "units": _encode(units),
            "folder": str(folder.resolve()),
            "name": name,
            "kind": kind,
            "certain": certain,
            "time_limit": self._limits.time_s,
            "memory_limit_mib": self._limits.memory_mib,
        }
        if reference is not None:
            job["reference"] = _encode(reference[0])
            job["reference_folder"] = str(reference[1].resolve())
        answer = self._ask(job)
        if answer is None:
            finding = Finding("crash", "error", f"{name} brought the grader's child process down")
            return FunctionReport(name, kind, "broken", findings=(finding,))
        report = answer["report"]
        return None if report is None else FunctionReport.from_dict(report)

    def _ask(self, job: dict[str, Any]) -> dict[str, Any] | None:
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            line = self._read_line(process, time.monotonic() + START_UP_S + 2 * self._limits.time_s)
        except BrokenPipeError:
            line = None
        if line is None:
            never_ran = process.poll() is not None and process.returncode > 0
            self._stop()
            if never_ran:
                raise FirthError("the grader's child process did not start; run `python -m firth.checking.worker`")
            return None
        return dict(json.loads(line))

    def _read_line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return None
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _start(self) -> subprocess.Popen[bytes]:
        if self._folder is None:
            self._folder = OwnedFolder.temporary("to grade in")
            (self._folder.path / "empty").mkdir()
        # One thread, so that the child may fork. Its folder is empty, so that no file there shadows a module.
        environment = dict(os.environ)
        environment.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
        package = str(Path(firth.__file__).resolve().parent.parent)
        code = f"import sys; sys.path.insert(0, {package!r}); from firth.checking.worker import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.path / "empty",
            env=environment,
            start_new_session=True,
        )
        self._buffer = b""
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _encode(units: Sequence[SourceUnit]) -> list[tuple[str, str]]:
    """Sources byte for byte: a file's own coding line stays in force."""
    encoded = []
    for unit in units:
        data = unit.source if isinstance(unit.source, bytes) else unit.source.encode("utf-8")
        encoded.append((unit.label, data.decode("latin-1")))
    return encoded
