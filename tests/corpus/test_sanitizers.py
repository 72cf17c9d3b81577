"""Room tests/corpus: the native counting and encoding under the address, undefined-behavior and thread sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "src" / "firth" / "native" / "cpp"


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_native_program_is_clean(tmp_path: Path, sanitizer: str) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    sources = [HERE / "text_program.cpp", *(NATIVE / name for name in ("text_count.cpp", "text_encode.cpp", "abi.cpp"))]
    program = tmp_path / "program"
    command = [compiler, "-std=gnu++17", "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    command += ['-DFIRTH_INSTRUCTION_SET="test"', f"-I{NATIVE}", *map(str, sources), "-pthread", "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in built.stderr and "san" in built.stderr:
        pytest.skip(f"the compiler has no library for -fsanitize={sanitizer}")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
