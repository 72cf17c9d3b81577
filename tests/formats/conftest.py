"""Fixtures of the formats room's tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.formats.table import VectorTable

sys.path.insert(0, str(Path(__file__).parent))  # vector_file_makers and fuzz_readers, which the tests share


@pytest.fixture
def interop() -> Path:
    """The folder of files that other programs wrote."""
    folder = os.environ.get("FIRTH_DATA")
    if not folder:
        pytest.skip("FIRTH_DATA is not set: the files of other programs are not at hand")
    return Path(folder) / "interop"


@pytest.fixture
def table() -> VectorTable:
    """Words in several scripts, numbers of every size, counts."""
    words = [
        "the",
        "naïve",
        "которого",
        "no\u00a0break",
        "\u3000",
        "日本",
        "0",
        "-1.5",
        "a" * 300,
        "</s>",
        "e\u0301",
        "🎓",
    ]
    numbers = np.random.default_rng(7).normal(size=(len(words), 5)).astype(np.float32)
    limits = np.finfo(np.float32)
    numbers[0] = [0.0, -0.0, limits.max, -limits.max, limits.tiny]
    numbers[1] = [limits.smallest_subnormal, 1e-40, 16777216.0, 0.1, 1 / 3]
    return VectorTable(words, numbers, np.arange(len(words), 0, -1, dtype=np.int64))
