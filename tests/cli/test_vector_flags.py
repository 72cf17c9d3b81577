"""Every command that reads vectors has the flags of reading, and the flags reach the reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

COMMANDS = ("neighbors", "analogy", "evaluate", "info", "plot", "convert")
FLAGS = ("--from", "--encoding", "--encoding-errors", "--duplicates", "--limit")


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    path = tmp_path / "twice.txt"
    path.write_text("4 2\nred 1 0\nblue 1 1\nred 0 1\ngreen 0.5 0.5\n")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_the_flags_are_there_and_help_fits_80_columns(run, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    shown = run(command, "--help").stdout
    for flag in FLAGS:
        assert f" {flag} " in shown
    assert "<bool>" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    for word in ("word2vec-binary", "fasttext-vec", "gensim"):
        assert word in shown, "a choice was cut at the end of a column"


def test_no_page_of_help_shows_the_type_of_a_switch(run) -> None:
    for arguments in ((), ("train",), ("classify", "train"), ("classify", "predict"), ("check",), ("selfcheck",)):
        assert "<bool>" not in run(*arguments, "--help").stdout


def test_duplicates_and_limit(run, twice: Path) -> None:
    refused = run("neighbors", twice, "red")
    assert refused.returncode == 2
    assert "--duplicates first" in refused.stderr
    answered = run("neighbors", twice, "red", "--duplicates", "first", "--json")
    assert [one["word"] for one in json.loads(answered.stdout)["neighbors"]] == ["blue", "green"]
    limited = run("info", twice, "--limit", "2", "--json")
    assert json.loads(limited.stdout)["words"] == 2
    analogy = run("analogy", twice, "red", "blue", "green", "--duplicates", "first", "--json")
    assert json.loads(analogy.stdout)["answers"] == []
    questions = twice.with_name("q.txt")
    questions.write_text(": colours\nred blue green red\n")
    scored = run("evaluate", twice, "--analogies", questions, "--duplicates", "first", "--json")
    assert scored.returncode == 0


def test_encoding_and_format(run, tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"2 2\ncaf\xe9 1 0\nth\xe9 1 1\n")
    assert run("neighbors", path, "café").returncode == 2
    answered = run("neighbors", path, "café", "--encoding", "latin-1")
    assert "thé" in answered.stdout
    replaced = run("info", path, "--encoding-errors", "replace", "--json")
    assert json.loads(replaced.stdout)["first_words"] == ["caf\ufffd", "th\ufffd"]
    wrong = run("info", path, "--from", "npz")
    assert wrong.returncode == 2
