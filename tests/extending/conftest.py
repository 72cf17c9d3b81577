"""Room tests/extending: a copy of the source that was extended as ARCHITECTURE.md says, and built: once a session."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# The plainest set compiles fastest.
INSTRUCTION_SET = "x86-64-v2" if platform.machine().lower() in ("x86_64", "amd64") else "neon"

# The dummy parameter: a factor of the learning rate. In each file: what stands there, and what takes its place.
PARAMETER_EDITS = {
    "kernels/config.py": (
        '    deterministic: bool = parameter(False, "train the same vectors with any number of threads; slower")\n',
        '    deterministic: bool = parameter(False, "train the same vectors with any number of threads; slower")\n'
        '    rate_factor: float = parameter(1.0, "a factor of every step", minimum=0.0)\n',
    ),
    "native/cpp/train/train.hpp": (
        "  return s.learning_rate + (s.min_learning_rate - s.learning_rate) * done;\n",
        "  return s.rate_factor * (s.learning_rate + (s.min_learning_rate - s.learning_rate) * done);\n",
    ),
}


@dataclass(frozen=True)
class ExtendedSource:
    """A copy of src with a dummy parameter, and a library of it with the toy sides and the toy source.

    Attributes
    ----------
    tree : folder of the copy, with src
    library_folder : path
    touched : names of the files that differ from the project's
    build_seconds : float
        Of processors, all together.
    """

    tree: Path
    library_folder: Path
    touched: list[str]
    build_seconds: float

    def run(self, arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python on the copy."""
        paths = [self.tree / "src", HERE.parent / "kernels"]
        variables = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "FIRTH_LIBRARY_FOLDER": str(self.library_folder),
            "FIRTH_INSTRUCTION_SET": INSTRUCTION_SET,
        }
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            capture_output=True, text=True, check=False, env={**os.environ, **variables, **environment},
        )  # fmt: skip


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> ExtendedSource:
    """The extended source; several workers of a session wait for the one that builds it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "extended"
    with (shared / "extended.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = folder / "built.json"
        if not record.exists():
            shutil.rmtree(folder, ignore_errors=True)
            record.write_text(json.dumps(extend(folder)))
        built = json.loads(record.read_text())
    return ExtendedSource(folder, folder / "build", built["touched"], built["seconds"])


def extend(folder: Path) -> dict[str, object]:
    """Copy, patch and build; what was touched and how long the build took."""
    ignored = shutil.ignore_patterns("__pycache__", "lib")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    shutil.copy(ROOT / "CMakeLists.txt", folder)
    package = folder / "src" / "firth"
    for name, (old, new) in PARAMETER_EDITS.items():
        text = (package / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} must stand once in {name}"
        (package / name).write_text(text.replace(old, new), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake = shutil.which("cmake", path=tools)
    assert cmake is not None, "cmake must be installed to build the core with more sides: pip install cmake ninja"
    configure = [cmake, "-S", str(folder), "-B", str(folder / "build"), f"-DPython3_EXECUTABLE={sys.executable}"]
    configure += ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1", f"-DFIRTH_EXTRA_SIDES={HERE / 'toy_sides.hpp'}"]
    configure += [f"-DFIRTH_EXTRA_SOURCES={HERE / 'toy_sources.hpp'}"]
    if ninja := shutil.which("ninja", path=tools):
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    build = [cmake, "--build", str(folder / "build"), "--parallel", "--target", f"firth_{INSTRUCTION_SET}"]
    for command in (configure, build):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "touched": differing_files(package),
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def differing_files(package: Path) -> list[str]:
    """Names of the files of a copied package that are not as in the project."""
    original = ROOT / "src" / "firth"
    files = [path.relative_to(package) for path in package.rglob("*") if path.suffix in (".py", ".hpp", ".cpp")]
    return sorted(
        str(name)
        for name in files
        if not (original / name).exists() or (original / name).read_bytes() != (package / name).read_bytes()
    )
