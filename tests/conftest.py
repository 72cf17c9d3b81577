"""Room tests: what the rooms' tests share: signals as at a terminal, native programs under sanitizers."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "firth"
NATIVE, CONFIG = PACKAGE / "native" / "cpp", PACKAGE / "kernels" / "config.py"


def pytest_configure() -> None:
    """A shell makes its background jobs ignore Ctrl-C, and the processes that tests start would inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class SanitizedProgram:
    """A program that stops with a status other than 0, and says why on stderr, where a sanitizer finds fault."""

    path: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = self._run([str(self.path), *arguments], environment)
        if "unexpected memory mapping" in done.stderr:  # more bits of randomness than an old libtsan knows about
            done = self._run(["setarch", "--addr-no-randomize", str(self.path), *arguments], environment)
            if done.returncode and ("setarch" in done.stderr or "unexpected memory mapping" in done.stderr):
                pytest.skip("the compiler's ThreadSanitizer cannot run with this kernel's address space randomization")
        return done

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})

    def run_clean(self, *arguments: str) -> None:
        """Run without suppressions, and demand that nothing was found."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr[-8000:]


BuildSanitized = Callable[..., SanitizedProgram]


@pytest.fixture(scope="session")
def build_sanitized(tmp_path_factory: pytest.TempPathFactory) -> BuildSanitized:
    """build(sources, sanitizer, flags): compiles files, or those of the native room by name, once a session."""
    built: dict[tuple[object, ...], SanitizedProgram] = {}

    def build(sources: Sequence[Path | str], sanitizer: str, flags: Sequence[str] = ()) -> SanitizedProgram:
        key = (*sources, sanitizer, *flags)
        if key not in built:
            path = tmp_path_factory.mktemp("sanitized") / "program"
            _compile([NATIVE / source for source in sources], sanitizer, flags, path)
            built[key] = SanitizedProgram(path)
        return built[key]

    return build


def _compile(sources: Sequence[Path], sanitizer: str, flags: Sequence[str], path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    command = [compiler, "-std=gnu++17", "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    if "address" in sanitizer:  # the standard library's vectors too: bounds, and what lies beyond their size
        command += ["-D_GLIBCXX_ASSERTIONS", "-D_GLIBCXX_SANITIZE_VECTOR"]
    command += ["-ffp-contract=off", "-fno-math-errno", "-Wno-psabi", "-Wno-ignored-attributes", *flags]
    runpy.run_path(str(NATIVE / "model" / "parameters.py"))["write_header"](CONFIG, path.parent / "parameters.hpp")
    command += ['-DFIRTH_INSTRUCTION_SET="test"', f"-I{NATIVE}", f"-I{path.parent}"]
    command += [*map(str, sources), "-pthread", "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "cannot find" in done.stderr and "san" in done.stderr:
        pytest.skip(f"the compiler has no library for -fsanitize={sanitizer}")
    if done.returncode:  # no AssertionError: the program was not found at fault
        raise RuntimeError(f"no program under -fsanitize={sanitizer}:\n{done.stderr[-8000:]}")
