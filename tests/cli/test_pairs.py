"""``firth train --pairs``: text files and tables, held-out files, what is refused, and ``firth info``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import firth

SMALL = ("--dims", 6, "--epochs", 2, "--threads", 1)
COLUMNS = ("--columns", "user,item,stars")


@pytest.fixture(name="table")
def write_table(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.tsv"
    rows = [f"u{n % 20}\ti{n % 4}\t{n % 3 + 1}\n" for n in range(2000)]
    path.write_text("user\titem\tstars\n" + "".join(rows), encoding="utf-8")
    (tmp_path / "pairs.txt").write_text("".join(rows), encoding="utf-8")
    return path


def test_a_table_and_a_text_file_give_the_same_model(run, table: Path) -> None:
    done = run("train", table, "--pairs", *COLUMNS, "-o", "a", *SMALL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 words and 4 contexts x 6 dims from 2,000 pairs")
    assert run("train", "pairs.txt", "--pairs", "-o", "b", "--quiet", *SMALL).returncode == 0
    models = [firth.load(name) for name in "ab"]
    assert models[0].vectors.matrix.tobytes() == models[1].vectors.matrix.tobytes()
    assert models[0].config.subsample == 0
    in_python = firth.train(firth.Pairs("pairs.txt"), dims=6, epochs=2, threads=1, progress=False)
    assert models[0].output_vectors.tobytes() == in_python.output_vectors.tobytes()


def test_info_shows_both_vocabularies(run, table: Path) -> None:
    run("train", "pairs.txt", "--pairs", "-o", "m", "--quiet", *SMALL)
    assert "contexts.number" in run("info", "m").stdout
    record = json.loads(run("info", "m", "--json").stdout)
    assert (record["words"], record["contexts"]["number"], record["contexts"]["counts"]) == (20, 4, 2000)
    assert set(record["contexts"]["first"]) == {"i0", "i1", "i2", "i3"}


def test_held_out_files_and_json(run, table: Path) -> None:
    Path("held.tsv").write_text("user\titem\tstars\nu1\ti1\t2\nu9\tunknown\t1\n", encoding="utf-8")
    done = run("train", table, "--pairs", *COLUMNS, "-o", "m", "--heldout", "held.tsv", "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 held-out pairs have a word or a context that is unknown" in done.stderr
    record = json.loads(done.stdout)
    assert (record["vocabulary_size"], record["contexts"]) == (20, 4)
    assert record["heldout_loss_nats"] > 0
    both = ("--columns", "user,item", "--one-vocabulary")
    with pytest.warns(firth.errors.CorpusWarning, match="4 of 24 words are the context of pairs and never their word"):
        one = run("train", table, "--pairs", *both, "-o", "n", "--heldout", "5%", "--quiet", *SMALL)
    assert one.returncode == 0, one.stderr
    assert len(firth.load("n").contexts) == 24


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pairs", "--window", 5], "window must be left out for pairs"),
        (["--pairs", "--lowercase"], "lowercase must be left out for pairs"),
        (["--pairs", "--columns", "user"], "columns must be the names of two or three columns"),
        (["--pairs"], "columns must name the columns of words and contexts in the table"),
        (["--pairs", "--columns", "user,book"], "column must be a column of"),
        (["--columns", "user,item"], "columns must come with --pairs"),
        (["--one-vocabulary"], "--one-vocabulary must come with --pairs"),
    ],
)
def test_what_makes_no_sense_is_refused(run, table: Path, flags: list[str], message: str) -> None:
    done = run("train", table, "-o", "m", *flags)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not Path("m").exists()


def test_standard_input_is_refused(run) -> None:
    done = run("train", "-", "--pairs", "-o", "m")
    assert (done.returncode, "CORPUS must be files with --pairs, got -" in done.stderr) == (2, True)
