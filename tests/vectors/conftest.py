"""Vectors for the tests of this room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from firth.vectors import WordVectors


@pytest.fixture(scope="session")
def data_folder() -> Path:
    if "FIRTH_DATA" not in os.environ:
        pytest.skip("FIRTH_DATA is not set")
    return Path(os.environ["FIRTH_DATA"])


@pytest.fixture(scope="session")
def glove_table(data_folder: Path) -> tuple[list[str], np.ndarray]:
    """The 8,390 most frequent words of GloVe 6B in 50 dimensions."""
    words, rows = [], []
    with open(data_folder / "interop/glove.6B.50d.top8390.txt", encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.rstrip("\n").split(" ")
            words.append(word)
            rows.append([float(number) for number in numbers])
    return words, np.array(rows, dtype=np.float32)


@pytest.fixture(scope="session")
def glove(glove_table) -> WordVectors:
    return WordVectors(*glove_table)


@pytest.fixture
def compass() -> WordVectors:
    """Vectors in the plane, of several lengths: north is up."""
    rows = {
        "east": (2.0, 0.0),
        "north": (0.0, 1.0),
        "west": (-3.0, 0.0),
        "south": (0.0, -1.0),
        "northeast": (1.0, 1.0),
        "nowhere": (0.0, 0.0),
    }
    return WordVectors(list(rows), np.array(list(rows.values()), dtype=np.float32), counts=[6, 5, 4, 3, 2, 1])
