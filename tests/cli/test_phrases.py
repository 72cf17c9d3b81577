"""Room tests/cli: ``firth phrases``, ``firth train --phrases``, and phrases in look-ups."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import firth


@pytest.fixture(name="text")
def write_text(tmp_path: Path) -> Path:
    draw = random.Random(1)
    words = [f"w{number}" for number in range(30)]
    lines = [[*draw.choices(words, k=6), *(["new", "york"] if k % 8 == 0 else [])] for k in range(800)]
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(line) + "\n" for line in lines))
    return path


def test_learning_training_and_look_ups(run, text: Path) -> None:
    done = run("phrases", text, "-o", "phrases.txt", "--threshold", 20, "--min-count", 4)
    assert done.returncode == 0, done.stderr
    assert "pass 1: 1 phrases of " in done.stdout
    assert "1 phrases written to phrases.txt; try: firth train CORPUS -o model --phrases phrases.txt" in done.stdout
    assert firth.Phrases.load("phrases.txt") == firth.learn_phrases(text, threshold=20, min_count=4)
    options = ("--dims", 6, "--epochs", 1, "--subsample", 0, "--threads", 1, "--json", "-q")
    done = run("train", text, "-o", "model", "--phrases", "phrases.txt", *options)
    assert json.loads(done.stdout)["phrases"] == 1
    described = json.loads(run("info", "model", "--json").stdout)["phrases"]
    assert (described["number"], described["threshold"], described["delimiter"]) == (1, 20, "_")
    done = run("neighbors", "model", "new york", "-n", 2, "--json")
    assert json.loads(done.stdout)["word"] == "new_york"
    done = run("neighbors", "model", "-n", 1, "--json", input="w1 new york\n")
    assert [json.loads(line)["word"] for line in done.stdout.splitlines()] == ["w1", "new_york"]
    done = run("analogy", "model", "new york", "w1", "w2", "--json")
    assert json.loads(done.stdout)["a"] == "new_york"
    done = run("train", "--resume", "model", "--phrases", "phrases.txt")
    assert "--resume must come without --phrases: the folder has the run's parameters" in done.stderr
    done = run("train", "corpus.txt", "--resume", "model")
    assert "--resume must come without CORPUS: the folder has the run's parameters" in done.stderr
    done = run("analogy", "model", "w1 w2", "w1", "w2")
    assert (done.returncode, "'w1 w2' is not one phrase of the table" in done.stderr) == (2, True)


def test_passes_in_place_of_a_table(run, text: Path) -> None:
    done = run("train", text, "-o", "model", "--phrases", "1", "--dims", 4, "--epochs", 1, "--subsample", 0, "-q")
    assert (done.returncode, "threshold=100 leaves no phrase" in done.stderr) == (2, True)


def test_a_text_is_joined_by_a_table(run, text: Path) -> None:
    arguments = ("--threshold", 20, "--connector-words", "of,the", "--passes", 2, "--delimiter", "~", "--json")
    done = run("phrases", text, "-o", "phrases.txt", "--join", "joined.txt", *arguments)
    answer = json.loads(done.stdout)
    assert (answer["phrases"], answer["lines"], answer["joined"]) == (1, 800, "joined.txt")
    assert Path("joined.txt").read_text() == text.read_text().replace("new york", "new~york")
    Path("other.txt").write_text("a new york\n")
    done = run("phrases", "other.txt", "--table", "phrases.txt", "--join", "other-joined.txt", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert Path("other-joined.txt").read_text() == "a new~york\n"
    assert firth.Phrases.load("phrases.txt").connector_words == {"of", "the"}
    done = run("phrases", "other.txt", "--table", "phrases.txt", "--join", "other.txt", "--quiet", "--overwrite")
    assert (done.returncode, Path("other.txt").read_text()) == (0, "a new~york\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Error: --output must be given: -o FILE"),
        (("-o", "p.txt", "--table", "q.txt"), "Error: --table must come without --output: the table exists already"),
        (("-o", "p.txt", "--threshold", "0"), "Error: --threshold must be above 0 for --scoring word2vec, got 0"),
        (("-o", "p.txt", "--min-count", "1000"), "Error: --min-count 1000 leaves no phrase: of "),
        (("--table", "text.txt", "--join", "j.txt"), "Error: text.txt is not a table of phrases"),
        (("-o", "none/p.txt"), "Error: none/p.txt cannot be written: the folder none does not exist"),
        (("-o", "text.txt"), "Error: text.txt exists; choose another name, or give --overwrite"),
        (("-o", "p.txt", "--join", "text.txt"), "Error: text.txt exists; choose another name, or give --overwrite"),
        (("-o", "p.txt", "--join", "./p.txt"), "Error: --join must be another file than that of --output, got p.txt"),
        (("-o", "p.txt", "--threshold", "1000"), "; give a lower threshold"),
        (("--table", "none.txt", "--join", "j.txt"), "No such file or directory; write a table by `firth phrases`"),
    ],
)
def test_bad_input(run, text: Path, arguments: tuple[str, ...], message: str) -> None:
    before = text.read_bytes()
    done = run("phrases", text, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert text.read_bytes() == before


def test_standard_input_is_read_once(run, text: Path) -> None:
    done = run("phrases", "-", "-o", "phrases.txt", "--threshold", 20, input=text.read_text())
    assert done.returncode == 0
    done = run("phrases", "-", "--join", "joined.txt")
    assert (done.returncode, "got - for standard input, which can be read only once" in done.stderr) == (2, True)
