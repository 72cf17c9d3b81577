"""firth documents: train, infer and neighbors, as a person calls them, and what they refuse."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.models.model import Model
from firth.training.run import prepared

Run = Callable[..., Any]
OPTIONS = ("--min-count", 1, "--dims", 8, "--subsample", 0, "--epochs", 30, "--threads", 1, "--learning-rate", 0.1)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("documents") / "texts.txt"
    path.write_text("a whale in the sea\na ship on the sea\na cat in the house\nthe dog of the house\n" * 10)
    return path


@pytest.fixture(scope="module")
def trained(texts: Path) -> Path:
    folder = texts.parent / "model"
    firth.train_documents(
        texts, ["sea", "sea", "home", "home"] * 10, output=folder, min_count=1, dims=8, subsample=0, epochs=30,
        learning_rate=0.1, threads=1, progress=False,
    )  # fmt: skip
    return folder


def test_train_is_train_documents(
    run: Run, texts: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "is_in_memory", lambda folder: False)  # as the tests' folder may be
    tags = tmp_path / "tags.txt"
    tags.write_text("sea\nsea\nhome\nhome\n" * 10)
    done = run("documents", "train", texts, "-o", "model", "--tags", tags, *OPTIONS)
    assert done.returncode == 0
    assert "2 tags x 8 dims from 40 documents and 200 words; saved to model" in done.stdout
    found, expected = firth.load("model"), firth.load(trained)
    assert np.array_equal(found.documents.matrix, expected.documents.matrix)
    done = run("documents", "train", texts, "-o", "disk", "--tags", tags, "--matrices", "disk", *OPTIONS)
    assert "matrices on the disk" in done.stderr
    assert np.array_equal(firth.load("disk").documents.matrix, expected.documents.matrix)
    done = run("documents", "train", texts, "-o", "dm", "--method", "dm", "--dm-input", "sum", "-q", "--json", *OPTIONS)
    assert json.loads(done.stdout)["tags"] == 40
    assert firth.load("dm").config.cbow_input == "sum"


def test_a_column_of_a_table(run: Run, texts: Path, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text(
        "text,tag\n" + "".join(f"{line},x\n" for line in texts.read_text().splitlines())
    )
    (tmp_path / "tags.txt").write_text("sea\nsea\nhome\nhome\n" * 10)
    refused = run("documents", "train", "texts.csv", "-o", "model")
    assert "name its column of texts, as in --column text" in refused.stderr
    assert "column=" not in refused.stderr
    done = run("documents", "train", "texts.csv", "-o", "model", "--column", "text", "--tags", "tags.txt", *OPTIONS)
    assert done.returncode == 0
    assert np.array_equal(firth.load("model").documents.matrix, firth.load(trained).documents.matrix)
    described = json.loads(run("info", "model", "--json").stdout)["documents"]
    assert described == {"tags": 2, "first_tags": ["sea", "home"], "train_words": False}
    (tmp_path / "new").mkdir()
    assert "no such file" in run("documents", "train", "", "-o", "other").stderr  # not this folder


def test_a_folder_of_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    for name in ("one", "two"):
        (tmp_path / "papers" / name).write_text("some words of this paper " * 5)
    assert run("documents", "train", "papers", "-o", "model", "-q", *OPTIONS).returncode == 0
    assert list(firth.load("model").documents) == ["one", "two"]


def test_infer_prints_or_writes_the_vectors(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("the whale\nthe dog\n")
    model = firth.load(trained)
    assert isinstance(model, Model)
    vectors, losses = model.infer(["the whale", "the dog"], return_loss=True)
    done = run("documents", "infer", trained, "new.txt")
    assert np.array_equal(np.array([line.split() for line in done.stdout.splitlines()], np.float32), vectors)
    done = run("documents", "infer", trained, "-", "--json", input="the whale\nthe dog\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert np.array_equal(np.array([answer["vector"] for answer in answers], np.float32), vectors)
    assert [answer["loss"] for answer in answers] == losses.tolist()
    assert run("documents", "infer", trained, "new.txt", "-o", "out.npy").returncode == 0
    assert np.array_equal(np.load("out.npy"), vectors)
    assert "exists" in run("documents", "infer", trained, "new.txt", "-o", "out.npy").stderr


def test_files_of_texts_and_tags_are_read_alike(run: Run, texts: Path, trained: Path, tmp_path: Path) -> None:
    expected = firth.load(trained).infer(["the whale", "the dog"])
    (tmp_path / "new.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfthe whale\r\nthe dog"))
    assert run("documents", "infer", trained, "new.txt.gz", "-o", "out.npy").returncode == 0
    assert np.array_equal(np.load("out.npy"), expected)
    done = run("documents", "neighbors", trained, "--json", "-n", 1, input="the whale\r\n")
    assert json.loads(done.stdout)["text"] == "the whale"
    tags = b"\xef\xbb\xbfnew\xc2\xa0sea\r\nnew\xc2\xa0sea\r\nhome\r\nhome\r\n"  # a no-break space is in a tag
    (tmp_path / "tags.gz").write_bytes(gzip.compress(tags + tags.removeprefix(b"\xef\xbb\xbf") * 9))
    assert run("documents", "train", texts, "-o", "model", "--tags", "tags.gz", "-q", *OPTIONS).returncode == 0
    assert list(firth.load("model").documents) == ["new\u00a0sea", "home"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the whale\nthe \xff\n", "new.txt must be UTF-8, got the byte 0xff in line 2; convert the file"),
        (
            b"the whale\n\nunseen\n",
            "each line of new.txt must have a word of the model's vocabulary, got none in line 2",
        ),
        (b"\n", "got none in line 1; delete these lines, or give --empty zero for vectors of zeros; the vocabulary's"),
        (b"", "new.txt is empty"),
    ],
)
def test_bad_files_of_texts(run: Run, trained: Path, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "new.txt").write_bytes(content)
    done = run("documents", "infer", trained, "new.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_empty_tags_are_named_by_their_line(run: Run, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("sea\n \n")
    done = run("documents", "train", texts, "-o", "model", "--tags", "tags.txt")
    assert done.returncode == 2
    assert "tags.txt, line 2: each document must have a tag, got an empty line" in done.stderr


def test_unknown_texts_are_zero_if_asked(run: Run, trained: Path) -> None:
    done = run("documents", "infer", trained, "-", "--empty", "zero", input="unseen\n")
    assert done.stdout.split() == ["0.0"] * 8


def test_neighbors_of_texts(run: Run, trained: Path) -> None:
    done = run("documents", "neighbors", trained, "a whale", "the dog of the house", "-n", 1)
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["whale", "sea", "house", "home"]
    done = run("documents", "neighbors", trained, "--json", input="the whale sea\n")
    answer = json.loads(done.stdout)
    assert answer["text"] == "the whale sea"
    assert {one["word"] for one in answer["neighbors"]} == {"sea", "home"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{texts}", "-o", "model", "--window", "3"], "window must be left out with --method dbow"),
        (["train", "nowhere.txt", "-o", "model"], "nowhere.txt: no such file"),
        (
            ["train", "{texts}", "-o", "model", "--tags", "{texts}"],
            "texts.txt, line 4: the tags must differ, got 'the' twice; give each tag once",
        ),
        (["train", "{texts}", "-o", "model", "--tags", "nowhere.txt"], "nowhere.txt: no such file"),
        (["train", "-", "-o", "model", "--tags", "-"], "--tags must be a file if the corpus is standard input"),
        (["infer", "{model}", "nowhere.txt"], "nowhere.txt: no such file"),
        (["infer", "{model}", "{texts}", "-o", "out.txt"], "--output must end in .npy, got out.txt"),
        (["infer", "{model}", "{texts}", "-o", "none/out.npy"], "none/out.npy cannot be written: the folder none does"),
        (["infer", "{model}", "{texts}", "-o", "out.npy", "--json"], "--json must be left out with --output"),
        (["infer", "{model}", "-"], "standard input must have a text in each line, got no line"),
        (["infer", "{model}", "{texts}", "--empty", "skip"], "Invalid value for '--empty'"),
        (
            ["neighbors", "{model}", "whale", "", "unseen"],
            "each TEXT must have a word of the model's vocabulary, got none in '', 'unseen'; ask with other words; the",
        ),
        (["neighbors", "{words}", "whale"], "MODEL must be a model of documents"),
    ],
)
def test_what_is_refused(run: Run, trained: Path, texts: Path, model: Path, arguments: list[str], message: str) -> None:
    places = {"{texts}": texts, "{model}": trained, "{words}": model}
    done = run("documents", *(places.get(argument, argument) for argument in arguments), input="")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
