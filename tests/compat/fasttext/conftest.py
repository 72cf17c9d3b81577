"""Files and models that the tests of firth.compat.fasttext share."""

from __future__ import annotations

from pathlib import Path

import pytest

import firth.compat.fasttext as fasttext
from firth.compat.fasttext.FastText import _FastText

GOLDEN = Path(__file__).parents[2] / "classification" / "golden"
FOOD, CARS = "__label__food ", "__label__cars "
LINES = [FOOD + "sweet apple pie", CARS + "fast red car", FOOD + "apple cake", CARS + "red road"]


@pytest.fixture(scope="session")
def meals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines with two labels that their words tell apart."""
    path = tmp_path_factory.mktemp("meals") / "meals.txt"
    path.write_text("\n".join(LINES * 30) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def classifier() -> _FastText:
    return fasttext.load_model(GOLDEN / "softmax-ngrams.bin")


@pytest.fixture(scope="session")
def vectors() -> _FastText:
    return fasttext.load_model(Path(__file__).parent / "golden" / "skipgram.bin")
