"""Room tests/corpus: the native code for counting, encoding, joining and walks under the sanitizers of the compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SOURCES = {
    "text_program.cpp": ["text/count.cpp", "text/encode.cpp", "text/rank.cpp", "text/rows.cpp"],
    "phrases_program.cpp": ["text/phrases.cpp"],
    "walks_program.cpp": ["graph/walks.cpp"],
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("program", SOURCES)
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_native_program_is_clean(build_sanitized: Callable[..., Any], sanitizer: str, program: str) -> None:
    build_sanitized([HERE / program, *SOURCES[program], "base/abi.cpp"], sanitizer).run_clean()
