"""`firth evaluate`: scores, an account of every line, and the exit status of lines that did not count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOOD = "whale\tship\t9\nwhale\tcat\t1\ncat\tdog\t8.5\n"
BAD = "whale\tdog\nship\tcat\tmuch\nship\tdog\tmore\n"


def test_blank_lines_comments_and_a_heading_are_no_fault(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("# from somewhere\nword1\tword2\tscore\n\n" + GOOD)
    (tmp_path / "questions").write_text("# from somewhere\n:capitals\n\nwhale ship cat dog\n")
    arguments = ("evaluate", model, "--similarity", "pairs", "--analogies", "questions")
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 lines: 3 pairs, 1 blank, 1 comments, a heading in line 2" in done.stdout
    assert (
        "words in columns 1 ('word1') and 2 ('word2'), scores in column 3 ('score'), separated by tabs" in done.stdout
    )
    assert "4 lines: 1 questions, 1 sections, 1 blank, 1 comments" in done.stdout
    record = json.loads(run(*arguments, "--json").stdout)
    (pairs,) = record["similarity"]
    assert pairs["layout"]["columns"] == [1, 2, 3]
    assert pairs["layout"]["guessed"] == ["delimiter", "columns"]
    assert pairs["lines"]["heading_line"] == 2
    assert (pairs["lines"]["n_counted"], pairs["lines"]["n_bad"], pairs["n_pairs"]) == (3, 0, 3)
    assert record["analogies"]["lines"]["n_sections"] == 1


@pytest.mark.parametrize(
    ("option", "text", "n_bad"),
    [("--similarity", GOOD + BAD, 3), ("--analogies", "whale ship cat dog\nwhale ship\nwhale ship cat dog sea\n", 2)],
)
def test_a_line_that_did_not_count_is_told_and_ends_with_one(run, model: Path, tmp_path, option, text, n_bad) -> None:
    (tmp_path / "file").write_text(text)
    done = run("evaluate", model, option, "file")
    assert done.returncode == 1
    assert f"{n_bad} that did not count" in done.stdout
    assert f"{n_bad} of {text.count(chr(10))} lines of file did not count" in done.stderr
    assert "--skip-bad-lines" in done.stderr
    record = json.loads(run("evaluate", model, option, "file", "--json").stdout)
    counts = (record.get("analogies") or record["similarity"][0])["lines"]
    assert counts["n_bad"] == n_bad == sum(item["n_lines"] for item in counts["bad"])
    assert all({"reason", "n_lines", "first_line", "example"} == set(item) for item in counts["bad"])
    skipped = run("evaluate", model, option, "file", "--skip-bad-lines")
    assert skipped.returncode == 0
    assert skipped.stdout == done.stdout
    assert f"note: {n_bad} of" in skipped.stderr


def test_delimiter_and_columns(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("whale;x;ship;2;9\nwhale;y;cat;3;1\ncat;z;dog;4;8.5\n")
    (tmp_path / "plain").write_text(GOOD)
    expected = json.loads(run("evaluate", model, "--similarity", "plain", "--json").stdout)["similarity"][0]
    refused = run("evaluate", model, "--similarity", "pairs")
    assert refused.returncode == 2
    assert "--columns" in refused.stderr
    for delimiter in ((), ("--delimiter", ";")):
        done = run("evaluate", model, "--similarity", "pairs", "--columns", "1,3,5", "--json", *delimiter)
        assert json.loads(done.stdout)["similarity"][0]["spearman"] == expected["spearman"]
    assert run("evaluate", model, "--similarity", "plain", "--delimiter", "tab").returncode == 0
    for arguments, message in (
        (("--similarity", "plain", "--columns", "1,2"), "columns must be three"),
        (("--similarity", "plain", "--columns", "a,b,c"), "columns must be names in the first line of plain"),
        (("--similarity", "plain", "--delimiter", ""), "not empty"),
        (("--analogies", "plain", "--delimiter", ";"), "--similarity"),
        (("--similarity", "plain", "--delimiter", ","), "--delimiter"),
    ):
        done = run("evaluate", model, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr


def test_all_files_are_read_before_any_is_scored(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text(GOOD)
    (tmp_path / "none").write_text("nothing here\n")
    done = run("evaluate", model, "--similarity", "pairs", "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none must have lines of two words and a score" in done.stderr


def test_words_that_the_vectors_lack_alone_are_no_score(run, model: Path, tmp_path: Path) -> None:
    """It printed nan over 0 pairs, or 0.0% of 0 questions, with exit status 0."""
    (tmp_path / "pairs.tsv").write_text("nord\tsud\t3\nost\twest\t4\n", encoding="utf-8")
    (tmp_path / "questions.txt").write_text("nord sud ost west\n", encoding="utf-8")
    (tmp_path / "known.tsv").write_text("whale\tship\t3\ncat\tdog\t4\nsea\tboat\t2\n", encoding="utf-8")
    for flag, name in (("--similarity", "pairs.tsv"), ("--analogies", "questions.txt")):
        done = run("evaluate", model, flag, name)
        assert done.returncode == 2
        assert f"nothing of {name} could be scored: every line has a word that the vectors lack" in done.stderr
    done = run("evaluate", model, "--similarity", "pairs.tsv", "known.tsv")
    assert (done.returncode, "nothing of pairs.tsv could be scored" in done.stderr) == (0, True)


def test_vectors_that_give_every_pair_the_same_cosine_are_told(run, tmp_path: Path) -> None:
    """It printed nan with exit status 0."""
    (tmp_path / "same.txt").write_text("3 2\ncat 1 2\ndog 2 4\nsea 1 2\n", encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text("cat\tdog\t3\ncat\tsea\t4\ndog\tsea\t2\n", encoding="utf-8")
    done = run("evaluate", "same.txt", "--similarity", "pairs.tsv")
    assert done.returncode == 2
    assert "nothing of pairs.tsv could be scored: the vectors give all 3 pairs the same cosine, 1" in done.stderr
    assert "pairs.tsv: no correlation over 3 pairs" in done.stdout
    assert "nan" not in done.stdout
    record = json.loads(run("evaluate", "same.txt", "--similarity", "pairs.tsv", "--json").stdout)
    assert record["similarity"][0]["spearman"] is None
    assert "the same cosine" in record["similarity"][0]["not_defined"]
