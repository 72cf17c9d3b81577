"""Everything that can be wrong with what a person passes: exit status 2, a message with the next step, nothing left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import firth


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(done, *words: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Errno" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, ("corpus.txt", "no such file")),
        (lambda path: path.write_text(""), ("corpus.txt",)),
        (lambda path: path.mkdir(), ("corpus.txt", "folder")),
        (lambda path: path.write_bytes(bytes(range(256)) * 50), ("corpus.txt", "offset")),
        (lambda path: path.write_bytes(b"caf\xe9 au lait\n" * 9), ("corpus.txt", "offset 3")),
        (
            lambda path: path.write_text("every word is seen once\n"),
            ("--min-count 5 leaves no word", "5 distinct words", "--min-count 1"),
        ),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00cut"), ("corpus.txt",)),
    ],
    ids=["missing", "empty", "folder", "garbage", "latin-1", "min-count", "cut-gzip"],
)
def test_a_corpus_that_is_none(run, tmp_path: Path, make, words) -> None:
    make(tmp_path / "corpus.txt")
    before = sorted(tmp_path.iterdir())
    refused(run("train", "corpus.txt", "-o", "model"), *words)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--dims", "0"), ("dims must be at least 1, got 0",)),
        (("--window", "-1"), ("window must be at least 1, got -1",)),
        (("--epochs", "0"), ("epochs must be at least 1",)),
        (("--dims", "many"), ("'--dims'",)),
        (("--learning-rate", "fast"), ("'--learning-rate'",)),
        (("--learning-rate", "nan"), ("--learning-rate must be a finite number",)),
        (("--learning-rate", "0"), ("--learning-rate must be above 0",)),
        (("--negatives", "0"), ("negatives must be at least 1",)),
        (("--loss", "hinge"), ("hinge", "hierarchical-softmax")),
        (("--patience", "2"), ("patience", "held-out")),
        (("--heldout", "100%"), ("heldout", "share")),
        (("--heldout", "nofile"), ('heldout must be a share like "1%" or a file', "'nofile' (no such file)")),
        (("--heldout", "0.01"), ("heldout must be a share", "'0.01' (no such file); as a share give", '"1%"')),
        (("--noise-exponent", "1e300"), ("--noise-exponent must be at most 10, got 1e+300",)),
        (("--noise-exponent", "-1e300"), ("--noise-exponent must be at least -10, got -1e+300",)),
        (("--noise-exponent", "nan"), ("--noise-exponent must be a finite number, got nan",)),
        (("--heldout-every", "10min", "--heldout", "1%"), ("--heldout-every", "words")),
        (("--checkpoint-every", "soon"), ("--checkpoint-every", "10min")),
        (("--vocabulary", "nofile"), ("nofile",)),
        (("--initial-vectors", "nofile"), ("nofile",)),
        (("--freeze",), ("--freeze", "--initial-vectors")),
        (("--sequence-weights", "nofile"), ("nofile",)),
        (("--threads", "0"), ("threads must be at least 1",)),
        (("--no-such-flag",), ("--no-such-flag",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and value[0].startswith("--") else "",
)
def test_parameters_out_of_range(run, corpus_file: Path, tmp_path: Path, flags, words) -> None:
    refused(run("train", corpus_file, "-o", "model", *flags), *words)
    assert list(tmp_path.iterdir()) == []


def test_what_must_be_given(run, corpus_file: Path, tmp_path: Path) -> None:
    refused(run("train", corpus_file), "-o DIR")
    refused(run("train", "-o", "model"), "CORPUS")
    refused(run("train", "--resume", "nowhere"), "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_lines(run, corpus_file: Path, tmp_path: Path) -> None:
    for text, words in (
        ("1\ntwo\n", ("'two'", "line 2")),
        ("1\n2\n", ("--sequence-weights", "2000")),
        ("-1\n" * 2000, ("--sequence-weights",)),
    ):
        (tmp_path / "weights").write_text(text)
        refused(run("train", corpus_file, "-o", "model", "--sequence-weights", "weights"), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_an_existing_output_is_refused_and_stays_whole(run, corpus_file: Path, tmp_path: Path) -> None:
    assert run("train", corpus_file, "-o", "model", "--dims", "4", "--quiet").returncode == 0
    before = contents(tmp_path / "model")
    refused(run("train", corpus_file, "-o", "model", "--dims", "5"), "--overwrite")
    assert contents(tmp_path / "model") == before
    refused(run("train", "nofile", "-o", "model", "--overwrite"), "nofile")
    assert contents(tmp_path / "model") == before
    assert run("train", corpus_file, "-o", "model", "--dims", "5", "--overwrite", "--quiet").returncode == 0
    assert firth.load(tmp_path / "model").vectors.dims == 5
    (tmp_path / "file").write_text("mine")
    refused(run("train", corpus_file, "-o", "file", "--overwrite"), "folder")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(run, corpus_file: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    refused(run("train", corpus_file, "-o", locked / "model"), "locked")
    assert list(locked.iterdir()) == []


def test_a_full_disk_keeps_the_old_model(corpus_file: Path, tmp_path: Path) -> None:
    """A limit on the size of files is met as a full disk is: while writing."""
    import subprocess
    import sys

    firth.train(corpus_file, output=tmp_path / "model", dims=4, progress=False)
    before = contents(tmp_path / "model")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        " from firth.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    package = str(Path(firth.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(corpus_file), "-o", "model", "--overwrite", "--dims", "2000"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert contents(tmp_path / "model") == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, ("vectors",)),
        (lambda path: path.mkdir(), ("vectors", "config.json")),
        (lambda path: path.write_bytes(b""), ("vectors",)),
        (lambda path: path.write_text("3 2\nwhale 0.1 0.2\nship 0.3"), ("vectors", "row")),
        (lambda path: path.write_text("<html><body>404 not found</body></html>\n"), ("vectors",)),
        (lambda path: path.write_text("1000000000000 300\nwhale 0.1\n"), ("vectors",)),
    ],
    ids=["missing", "empty-folder", "empty", "cut", "foreign", "absurd"],
)
@pytest.mark.parametrize("command", ["neighbors", "analogy", "info", "convert", "plot", "evaluate"])
def test_vectors_that_are_none(run, tmp_path: Path, make, words, command: str) -> None:
    make(tmp_path / "vectors")
    (tmp_path / "questions").write_text("a b c d\n")
    before = sorted(tmp_path.iterdir())
    arguments = {
        "neighbors": ("vectors", "whale"),
        "analogy": ("vectors", "a", "b", "c"),
        "info": ("vectors",),
        "convert": ("vectors", "out.txt"),
        "plot": ("vectors", "whale", "ship", "-o", "out.png"),
        "evaluate": ("vectors", "--analogies", "questions"),
    }
    refused(run(command, *arguments[command]), *words)
    assert sorted(tmp_path.iterdir()) == before


def test_a_truncated_model(run, corpus_file: Path, tmp_path: Path) -> None:
    assert run("train", corpus_file, "-o", "model", "--dims", "4", "--quiet").returncode == 0
    tensors = next((tmp_path / "model").glob("*.safetensors"))
    tensors.write_bytes(tensors.read_bytes()[:-10])
    refused(run("neighbors", "model", "whale"), tensors.name)


def test_unknown_words_are_refused_with_near_spellings(run, model: Path, tmp_path: Path) -> None:
    refused(run("neighbors", model, "wale"), "did you mean", "'whale'")
    refused(run("analogy", model, "whale", "shipp", "cat"), "'ship'")
    refused(run("plot", model, "whale", "wale", "-o", "out.png"), "'whale'")
    assert list(tmp_path.iterdir()) == []


def test_evaluation_files(run, model: Path, tmp_path: Path) -> None:
    refused(run("evaluate", model), "--analogies", "--similarity")
    refused(run("evaluate", model, "--analogies", "nofile"), "nofile does not exist")
    refused(run("evaluate", model, "--similarity", tmp_path), "folder")
    refused(run("evaluate", model, "nofile"), "--similarity")
    (tmp_path / "empty").write_text("")
    refused(run("evaluate", model, "--analogies", "empty"), "empty")


def test_formats(run, model: Path, tmp_path: Path) -> None:
    refused(run("convert", model, "vectors.docx"), "docx", ".txt")
    refused(run("convert", model, "out.txt", "--to", "docx"), "docx", "word2vec-binary")
    refused(run("plot", model, "whale", "ship", "-o", "out.docx"), ".png")
    refused(run("plot", model, "whale", "ship", "-o", "nowhere/out.png"), "nowhere")
    assert list(tmp_path.iterdir()) == []
