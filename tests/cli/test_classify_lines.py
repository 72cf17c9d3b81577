"""`firth classify predict` and `evaluate` with fastText's classifiers: streams, formats, and what is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import firth
from firth.classification import byte_input, text_lines
from firth.cli.classify import app
from firth.cli.classify_lines import write_predictions
from firth.errors import CorpusError, EncodingError, FormatError, ParameterError, StorageError

GOLDEN = Path(__file__).parents[1] / "classification" / "golden"
MODEL = GOLDEN / "softmax-ngrams.bin"


def classify(*arguments: object, input: bytes | None = None) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=input, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    answers = json.loads((GOLDEN / "softmax-ngrams.json").read_text())
    lines = dict.fromkeys(answer["text"].encode("latin-1") for answer in answers if "\n" not in answer["text"])
    (tmp_path / "texts.txt").write_bytes(b"\n".join(lines) + b"\n")
    return tmp_path / "texts.txt"


def test_predict_lines(texts: Path, tmp_path: Path) -> None:
    lines = texts.read_bytes().split(b"\n")[:-1]
    labels, probabilities = firth.load(MODEL).predict(lines, k=3, threshold=0.2)
    printed = classify("predict", MODEL, texts, "-k", "3", "--threshold", "0.2").split("\n")
    assert printed.pop() == ""
    assert len(printed) == len(lines)
    for line, names, row in zip(printed, labels, probabilities, strict=True):
        expected = [f"{name}\t{number:.6f}" for name, number in zip(names, row, strict=False)]
        assert line == "\t".join(expected)
    as_json = [json.loads(line) for line in classify("predict", MODEL, texts, "-k", "3", "--json").splitlines()]
    assert [record["labels"] for record in as_json] == firth.load(MODEL).predict(lines, k=3).labels
    assert (
        classify("predict", MODEL, "-", "--top", "3", "--threshold", "0.2", input=texts.read_bytes()).split("\n")[:-1]
        == printed
    )
    (tmp_path / "texts.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + texts.read_bytes().rstrip(b"\n")))
    classify("predict", MODEL, tmp_path / "texts.gz", "-k", 3, "--threshold", 0.2, "-o", tmp_path / "out")
    assert (tmp_path / "out").read_text().split("\n")[:-1] == printed
    with pytest.raises(StorageError, match="exists; choose another file"):
        classify("predict", MODEL, texts, "-o", tmp_path / "out")


def test_blocks_are_joined(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = classify("predict", MODEL, texts)
    monkeypatch.setattr(byte_input, "READ_BYTES", 7)
    assert classify("predict", MODEL, texts) == whole
    monkeypatch.setattr(text_lines, "BLOCK_LINES", 2)
    monkeypatch.setattr(byte_input, "READ_BYTES", 1 << 20)
    assert classify("predict", MODEL, texts) == whole
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(byte_input, "READ_BYTES", 64)
    with pytest.raises(CorpusError, match="lines of at most 100 bytes"):
        classify("predict", MODEL, texts)


def test_tables_and_labels(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('label,text\nc0,"on the table"\nc1,rows\n')
    (tmp_path / "t.txt").write_text("#c0 on the table\nrows #c1\n")
    plain = classify("predict", MODEL, tmp_path / "t.csv")
    assert plain.count("\n") == 2
    assert classify("predict", MODEL, tmp_path / "t.txt", "--label-prefix", "#") == plain
    by_table = json.loads(classify("evaluate", MODEL, tmp_path / "t.csv", "--json"))
    assert json.loads(classify("evaluate", MODEL, tmp_path / "t.txt", "--label-prefix", "#", "--json")) == by_table
    with pytest.raises(ParameterError, match="must come with a table"):
        classify("predict", MODEL, tmp_path / "t.txt", "--text-column", "text")


def test_evaluate(tmp_path: Path) -> None:
    """Counted by hand from the answers themselves: one right, one wrong, one with a second and an unknown label."""
    model = firth.load(MODEL)
    texts = [answer["text"] for answer in json.loads((GOLDEN / "softmax-ngrams.json").read_text())[:9:3]]
    best = [names for (names,) in model.predict([text.encode("latin-1") for text in texts]).labels]
    wrong = next(label for label in model.labels if label not in best)
    rows = [[best[0]], [wrong], [best[2], "unheard-of"]]
    content = b"".join(
        b" ".join(b"__label__" + label.encode() for label in labels) + b" " + text.encode("latin-1") + b"\n"
        for labels, text in zip(rows, texts, strict=True)
    )
    (tmp_path / "t.txt").write_bytes(content)
    record = json.loads(classify("evaluate", MODEL, tmp_path / "t.txt", "--json", "-k", "2"))
    assert record["n_texts"] == 3
    assert record["n_unknown_labels"] == 1
    assert record["precision_at_1"] == pytest.approx(2 / 3)
    assert record["recall_at_1"] == pytest.approx(2 / 4)
    assert record["precision_at_2"] >= 2 / 6
    assert record["labels"][wrong] == {"texts": 1, "predicted": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    printed = classify("evaluate", MODEL, tmp_path / "t.txt")
    assert "precision at 1 0.6667, recall at 1 0.5000" in printed
    classify("evaluate", MODEL, tmp_path / "t.txt", "--picture", tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"


def test_a_text_without_a_label_is_an_empty_line(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\nb\n")
    result = CliRunner().invoke(app, ["predict", str(MODEL), str(tmp_path / "t.txt"), "--threshold", "1"])
    assert result.stdout == "\n\n"
    assert "2 of 2 texts have no label of at least 1 (line 1, 2)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["predict", MODEL, "t.txt", "--threshold", "1.5"], ParameterError, "threshold must lie in 0 to 1, got 1.5"),
        (["predict", MODEL, "t.txt", "-k", "0"], ParameterError, "top must be at least 1, got 0"),
        (["predict", MODEL, "t.txt", "--format", "xls"], ParameterError, "format must be one of"),
        (["predict", MODEL, "t.txt", "--label-prefix", "a b"], ParameterError, "label prefix must be a word"),
        (["predict", MODEL, "missing.txt"], StorageError, "missing.txt does not exist; give a file of texts"),
        (["predict", "missing", "t.txt"], StorageError, "missing does not exist; give a classifier"),
        (["evaluate", "missing", "t.txt"], StorageError, "missing does not exist; give a classifier"),
        (["quantize", "missing", "-o", "m.ftz"], StorageError, "missing does not exist; give a classifier"),
        (["predict", MODEL, MODEL], CorpusError, "is a fastText model, not plain text"),
        (["evaluate", MODEL, sys.executable], CorpusError, "is a program, not plain text"),
        (["predict", MODEL, "wide.txt"], EncodingError, "wide.txt must be UTF-8, got text that begins like UTF-16LE"),
        (["predict", "t.txt", "t.txt"], FormatError, "not a fastText model"),
        (["evaluate", MODEL, "t.txt", "-k", "0"], ParameterError, "top must be at least 1, got 0"),
        (["evaluate", MODEL, "t.txt"], CorpusError, "line 2 has no label"),
        (["evaluate", MODEL, "empty.txt"], CorpusError, "at least one text, got none"),
        (["evaluate", GOLDEN / "quantized-output.ftz", "t.txt", "--picture", "p.png"], ParameterError, "at most 50"),
    ],
)
def test_what_is_refused(
    arguments: list[object],
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text("__label__c0 a\nb\n")
    Path("empty.txt").write_text("")
    Path("wide.txt").write_text("rows", encoding="utf-16")
    with pytest.raises(error, match=message):
        classify(*arguments)


def test_standard_streams_that_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python sets None if the caller closed the descriptor."""
    (tmp_path / "t.txt").write_text("rows\n")
    blocks = text_lines.read_line_blocks(tmp_path / "t.txt", "__label__", with_labels=False)
    options = {"top": 1, "threshold": 0.0, "as_json": False, "threads": 1, "overwrite": False}
    monkeypatch.setattr(sys, "stdout", None)
    write_predictions(MODEL, blocks, None, **options)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(StorageError, match="standard input cannot be read: it is closed"):
        list(text_lines.read_line_blocks(text_lines.STANDARD_INPUT, "__label__", with_labels=False))


def test_standard_input_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="standard input is a fastText model, not plain text"):
        classify("predict", MODEL, "-", input=MODEL.read_bytes())


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Sixteen times the lines take no more memory than allocators scatter: all texts and answers take over 100 MiB."""
    program = (
        "import pathlib, re, resource, sys; from firth.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        # Linux counts the memory of the process that started this one in ru_maxrss, but not in VmHWM.
        "status = pathlib.Path('/proc/self/status')\n"
        "peak = re.search(r'VmHWM:\\s*(\\d+)', status.read_text())[1] if status.exists() else None\n"
        "print(peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for n_lines in (40_000, 640_000):
        (tmp_path / "t.txt").write_text("some words to be read\n" * n_lines)
        arguments = ["classify", "predict", str(MODEL), str(tmp_path / "t.txt"), "-o", str(tmp_path / f"{n_lines}")]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        peaks.append(int(done.stderr.split()[-1]))
        assert (tmp_path / f"{n_lines}").read_bytes().count(b"\n") == n_lines
    assert peaks[1] - peaks[0] < 16 << 10  # KiB


def test_info(run: object) -> None:
    record = json.loads(run("info", MODEL, "--json").stdout)  # type: ignore[operator]
    assert record["labels"] == 5
    assert record["loss"] == "softmax"
    assert record["is_quantized"] is False
    assert record["arguments"]["buckets"] == 211
    quantized = run("info", GOLDEN / "pruned.ftz").stdout  # type: ignore[operator]
    assert "hierarchical-softmax" in quantized
    assert "fastText classifier" in quantized
