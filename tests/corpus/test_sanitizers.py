"""Room tests/corpus: the native counting and encoding under the address, undefined-behavior and thread sanitizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "text_program.cpp"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_native_program_is_clean(build_sanitized: Callable[..., Any], sanitizer: str) -> None:
    build_sanitized(
        [PROGRAM, "text/count.cpp", "text/encode.cpp", "text/rank.cpp", "base/abi.cpp"], sanitizer
    ).run_clean()
