"""examples/cs224n.py from end to end, and the code of docs/course.md."""

from __future__ import annotations

import doctest
import importlib.util
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest

from firth.compat.cs224n import StanfordSentiment, save_params

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("cs224n_example", ROOT / "examples" / "cs224n.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sentences_file(tmp_path, example):
    generator = random.Random(1)
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(" ".join(generator.choices(example.VISUALIZED_WORDS, k=20)) for _ in range(300)))
    return path


def test_quick(example, sentences_file, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    folder = tmp_path / "out"
    assert example.main([str(sentences_file), "--quick", "--output", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Gradient check passed!") == 8
    assert "failed" not in printed
    assert "11.166109001533" in printed
    assert "300 sentences, 26 words" in printed
    assert re.search(r"around or below 10: \d+\.\d{3}", printed)
    assert (folder / "q3_word_vectors.png").read_bytes().startswith(b"\x89PNG")


def test_resumes_from_what_was_saved(example, made_up_sentences, tmp_path, monkeypatch, capsys):
    dataset = StanfordSentiment(made_up_sentences)
    saved = np.arange(82 * 10.0).reshape(82, 10)  # 40 words and UNK
    monkeypatch.chdir(tmp_path)
    save_params(5000, saved)
    vectors, tokens = example.train(dataset, tmp_path, 5000)
    assert "nothing left to train" in capsys.readouterr().out
    np.testing.assert_array_equal(vectors, saved)
    vectors, tokens = example.train(dataset, tmp_path, 5020)
    assert "iter 5010: " in capsys.readouterr().out
    example.plot(vectors, tokens, tmp_path / "plot.png")
    assert capsys.readouterr().out == "no plot: the corpus has only 0 of the 25 words\n"


def test_says_what_is_missing(example, tmp_path, capsys, monkeypatch):
    assert example.main([str(tmp_path / "nothing"), "--quick", "--output", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "error: path must be a file or a folder" in printed.err
    assert printed.out == ""
    monkeypatch.delenv("FIRTH_DATA", raising=False)
    with pytest.raises(SystemExit) as exit_info:
        example.main([])
    assert exit_info.value.code == 2


def test_the_code_of_the_course_page():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # for the tab in what gradcheck_naive prints
    result = doctest.testfile(str(ROOT / "docs" / "course.md"), module_relative=False, optionflags=flags)
    assert result.attempted > 20
    assert result.failed == 0


def test_the_places_that_the_course_page_points_to():
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "derivation.md").read_text(), flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"derivation\.md#([\w-]+)", (ROOT / "docs" / "course.md").read_text())
    assert len(links) >= 8
    assert set(links) <= anchors


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.timeout(1200)
def test_the_assignment(example, tmp_path, capsys):
    """The course's settings to the end: about a minute and a half on one core."""
    if "FIRTH_DATA" not in os.environ:
        pytest.skip("FIRTH_DATA is not set")
    assert example.main(["--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert float(re.search(r"around or below 10: (\S+)", printed)[1]) < 10.1
    assert float(re.search(r"training took (\S+) seconds", printed)[1]) <= 900
    dataset = StanfordSentiment(Path(os.environ["FIRTH_DATA"]) / "sst")
    assert f"{len(dataset.tokens()):,} words" in printed
