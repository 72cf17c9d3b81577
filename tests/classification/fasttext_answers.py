"""fastText's models and its answers, which tests of classifiers share; make_golden.py made them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
SMALL = sorted(path.name for path in GOLDEN.iterdir() if path.suffix in (".bin", ".ftz"))
REAL = ("lid.176.ftz", "cooking.model.bin")


@dataclass(frozen=True)
class Answer:
    """What fastText answered: labels with their prefix, and probabilities."""

    text: bytes
    k: int | None
    threshold: float
    labels: list[str]
    probabilities: list[float]


def read_answers(name: str) -> list[Answer]:
    stem = name.rsplit(".", 1)[0] if name in SMALL else name
    return [
        Answer(
            entry["text"].encode("latin-1"),
            entry["k"] if entry["k"] > 0 else None,
            entry["threshold"],
            [label for label, _ in entry["answer"]],
            [probability for _, probability in entry["answer"]],
        )
        for entry in json.loads((GOLDEN / f"{stem}.json").read_text())
    ]


def model_path(name: str) -> Path:
    if name in SMALL:
        return GOLDEN / name
    if not os.environ.get("FIRTH_DATA"):
        pytest.skip("FIRTH_DATA is not set: the files of other programs are not at hand")
    return Path(os.environ["FIRTH_DATA"]) / "interop" / name
