"""A corpus of two topics, a model of it, and the command line as a person calls it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import firth
from firth.cli.main import app

SEA = ["whale", "ship", "sea", "sailor", "boat", "captain", "harpoon", "wave"]
HOME = ["cat", "dog", "house", "garden", "tree", "flower", "bird", "milk"]


@dataclass(frozen=True)
class Done:
    """What a person sees of a call."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    draw = random.Random(0)
    lines = [" ".join(draw.choices(draw.choice([SEA, HOME]), k=10)) for _ in range(2000)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def model(corpus_file: Path) -> Path:
    folder = corpus_file.parent / "model"
    firth.train(corpus_file, output=folder, dims=12, epochs=3, threads=1, progress=False)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``firth`` in an empty folder, in this process (others cost a second each); what is no error is raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run_firth(*arguments: object, input: str | None = None) -> Done:
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, input=input, prog_name="firth", catch_exceptions=False)
        return Done(result.exit_code, result.stdout, result.stderr)

    return run_firth
