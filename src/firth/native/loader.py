"""Room native: finds the shared objects, chooses one for this processor, and converts error codes to exceptions.

The source is compiled once for each instruction set. The library of the best instruction set of the processor is loaded
with RTLD_LOCAL. The environment variable FIRTH_INSTRUCTION_SET forces an instruction set (``x86-64-v2``, ``-v3``,
``-v4``, ``neon``), so that tests can run all of them. FIRTH_LIBRARY_FOLDER is a folder of libraries that replace the
package's libraries, for example libraries with more sides (CMake's FIRTH_EXTRA_SIDES). There is no silent fallback: a
library that cannot be loaded is an error.

Tests: tests/kernels/test_native_units.py.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from pathlib import Path
from typing import NoReturn

from firth.errors import (
    EncodingError,
    FirthError,
    FormatError,
    NativeError,
    ParameterError,
    StorageError,
    TrainingError,
)

ABI_VERSION = 3
LIBRARY_FOLDER = Path(__file__).parent / "lib"
FORCE_VARIABLE = "FIRTH_INSTRUCTION_SET"
FOLDER_VARIABLE = "FIRTH_LIBRARY_FOLDER"

# The flags that each level adds to the previous level (x86-64 psABI, section 3.1.1), with Linux's names.
_X86_FLAGS = {
    "x86-64-v2": {"sse4_2", "ssse3", "popcnt", "cx16"},
    "x86-64-v3": {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "abm"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}

ERROR_MEMORY = -2
ERROR_STOPPED = -7
_ERRORS: dict[int, type[FirthError]] = {
    -3: ParameterError,
    -4: StorageError,
    -5: EncodingError,
    -6: FormatError,
    -8: TrainingError,
}


class StoppedError(FirthError):
    """A native function stopped before its end, because the caller's stop flag was set."""


@functools.cache
def available_instruction_sets() -> tuple[str, ...]:
    """Instruction sets that were built and that this processor has, from the simplest to the best."""
    return tuple(name for name in instruction_sets_of_processor() if _library_path(name).exists())


@functools.cache
def missing_instruction_sets() -> tuple[str, ...]:
    """Instruction sets that this processor has but that were not built; ``make demo`` builds only one."""
    return tuple(name for name in instruction_sets_of_processor() if not _library_path(name).exists())


@functools.cache
def load_library(instruction_set: str) -> ctypes.CDLL:
    """Load the shared object of an instruction set once. Calls of its functions release the GIL."""
    if instruction_set not in available_instruction_sets():
        raise NativeError(
            f"instruction set must be one of {', '.join(available_instruction_sets()) or '(none was built)'} on this"
            f" machine, got {instruction_set!r}"
            + (
                ", which the processor has and this build of firth does not: `pip install .` builds all of them"
                if instruction_set in missing_instruction_sets()
                else ""
            )
            + f"; unset {FORCE_VARIABLE} to let firth choose"
        )
    return open_library(_library_path(instruction_set))


def open_library(path: Path) -> ctypes.CDLL:
    """Open a shared object; raise NativeError if its ABI version is not the version of this Python code."""
    library = ctypes.CDLL(str(path), mode=getattr(os, "RTLD_LOCAL", 0))
    library.firth_abi_version.restype = ctypes.c_int64
    library.firth_last_error.restype = ctypes.c_char_p
    version = library.firth_abi_version()
    if version != ABI_VERSION:
        raise NativeError(
            f"{path} has ABI version {version}, this Python code needs {ABI_VERSION};"
            " reinstall firth so that both come from one build"
        )
    return library


def default_instruction_set() -> str:
    """The forced instruction set, or the best available one."""
    forced = os.environ.get(FORCE_VARIABLE)
    if forced:
        return forced
    available = available_instruction_sets()
    if not available:
        raise NativeError(
            f"no native library for {platform.machine()} in {library_folder()}; reinstall firth (`pip install firth`),"
            " or run `make native` in a checkout"
        )
    return available[-1]


def library() -> ctypes.CDLL:
    """The library that this process uses."""
    return load_library(default_instruction_set())


def compiler_of(library: ctypes.CDLL) -> str:
    """Name and version of the compiler that built a shared object, such as ``"GCC 12.2.0"``."""
    library.firth_compiler.restype = ctypes.c_char_p
    return bytes(library.firth_compiler()).decode()


def raise_last_error(library: ctypes.CDLL, status: int) -> NoReturn:
    """Raise the exception for a negative status of the calling thread's last native call."""
    message = (library.firth_last_error() or b"").decode("utf-8", "replace")
    if status == ERROR_MEMORY:
        raise MemoryError("the native core must have more memory; use fewer threads, dims or words, or close programs")
    if status == ERROR_STOPPED:
        raise StoppedError(message or "stopped")
    raise _ERRORS.get(status, NativeError)(message or f"native error {status}")


def validate_status(library: ctypes.CDLL, status: int) -> int:
    """Return a non-negative status; raise for a negative one."""
    if status < 0:
        raise_last_error(library, status)
    return status


def library_folder() -> Path:
    """The folder of the shared objects."""
    return Path(os.environ.get(FOLDER_VARIABLE) or LIBRARY_FOLDER)


def _library_path(instruction_set: str) -> Path:
    suffix = ".dylib" if platform.system() == "Darwin" else ".so"
    return library_folder() / f"libfirth-{instruction_set}{suffix}"


def instruction_sets_of_processor() -> tuple[str, ...]:
    """Instruction sets of firth that this processor has, from the simplest to the best; may be empty."""
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return ("neon",)
    if machine not in ("x86_64", "amd64"):
        return ()
    flags = _x86_flags()
    names: list[str] = []
    for name, needed in _X86_FLAGS.items():
        if not needed <= flags:
            break
        names.append(name)
    return tuple(names)


def _x86_flags() -> set[str]:
    if platform.system() == "Darwin":  # untested; Intel Macs all have v2, and Rosetta translates no more than that
        return set(_X86_FLAGS["x86-64-v2"])
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


__all__ = [
    "StoppedError",
    "available_instruction_sets",
    "compiler_of",
    "default_instruction_set",
    "instruction_sets_of_processor",
    "library",
    "load_library",
    "missing_instruction_sets",
    "open_library",
    "raise_last_error",
    "validate_status",
]
