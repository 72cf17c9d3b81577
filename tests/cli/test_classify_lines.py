"""`firth classify predict` and `evaluate` with fastText's classifiers: streams, formats, and what is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import firth
from firth.classification import byte_input, text_lines
from firth.classification.scores import PrecisionMean
from firth.cli import classify_lines
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
    with pytest.raises(StorageError, match="exists; choose another name"):
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


def test_average_precision_against_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several labels a text; in blocks of any size; an unknown label is one that was never found."""
    ranking = pytest.importorskip("sklearn.metrics").label_ranking_average_precision_score
    model = firth.load(MODEL)
    generator = np.random.default_rng(3)
    texts = [answer["text"].encode("latin-1") for answer in json.loads((GOLDEN / "softmax-ngrams.json").read_text())]
    texts = [text for text in texts if text.strip() and not set(text) & set(b"\n\0\r")][:60]
    truth = generator.random((len(texts), len(model.labels))) < 0.4
    truth[~truth.any(axis=1), 0] = True
    ids, probabilities = model.predict_ids(texts, None)
    assert ids.min() >= 0
    scores = np.zeros(truth.shape)
    np.put_along_axis(scores, ids, probabilities.astype(float), axis=1)
    assert all(len(set(row)) == len(row) for row in scores.tolist()), "without ties the two definitions agree"
    names = [[label for label, is_true in zip(model.labels, row, strict=True) if is_true] for row in truth]
    prefix = b"__label__"
    lines = [
        b" ".join(prefix + name.encode() for name in own) + b" " + text for own, text in zip(names, texts, strict=True)
    ]
    (tmp_path / "t.txt").write_bytes(b"\n".join(lines) + b"\n")
    expected = ranking(truth, scores)
    for most in (1, 7, 1 << 22):
        monkeypatch.setattr(classify_lines, "MAX_ORDERED", most)
        record = json.loads(classify("evaluate", MODEL, tmp_path / "t.txt", "--json"))
        assert record["average_precision"] == pytest.approx(expected, abs=1e-12)
    assert f"average precision {expected:.4f}" in classify("evaluate", MODEL, tmp_path / "t.txt")
    without = json.loads(classify("evaluate", MODEL, tmp_path / "t.txt", "--json", "--no-average-precision"))
    assert "average_precision" not in without
    hits = sum(row[label] for row, label in zip(truth, ids[:, 0], strict=True))
    assert without["f1_at_1"] == pytest.approx(2 * hits / (len(texts) + truth.sum()))


def test_average_precision_by_hand() -> None:
    """Ranks 1 and 3 of two true labels: (1/1 + 2/3) / 2; an unknown label and one without a rank add nothing."""
    mean = PrecisionMean(["a", "b", "c"])
    assert mean.value == 0
    mean.add([["a", "c"]], np.array([[0, 1, 2]], np.int32))
    assert mean.value == pytest.approx((1 + 2 / 3) / 2)
    mean.add([["b", "new"], ["c"]], np.array([[1, 0, 2], [0, 1, -1]], np.int32))
    assert mean.value == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2 + 0) / 3)


def test_tables_fit_a_screen(tmp_path: Path) -> None:
    labels = [f"{'long' * 40}{number}" for number in range(30)]
    texts = [f"word{number}" for number in range(30)]
    model = firth.train_classifier(texts, labels, dims=4, epochs=1, threads=1, progress=False)
    model.save(tmp_path / "m.bin")
    (tmp_path / "t.txt").write_text(
        "".join(f"__label__{label} {text}\n" for label, text in zip(labels, texts, strict=True))
    )
    printed = classify("evaluate", tmp_path / "m.bin", tmp_path / "t.txt")
    assert "--json shows 10 rarer labels too" in printed
    assert len(printed.splitlines()) <= 30
    assert max(len(line) for line in printed.splitlines()[1:]) <= 80


@pytest.mark.parametrize(("separator", "joined"), [(";", "a; b"), (" ", "a  b"), ("||", "a||b")])
def test_several_labels_in_a_column(tmp_path: Path, separator: str, joined: str) -> None:
    file = tmp_path / "t.csv"
    rows = [("one", joined), ("two", "b"), ("three", "a")] * 4
    file.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    flags = ("--label-separator", separator)
    classify("train", file, "-o", tmp_path / "m", "--dims", 4, "--threads", 1, "--quiet", *flags)
    assert sorted(firth.load(tmp_path / "m").labels) == ["a", "b"]
    record = json.loads(classify("evaluate", tmp_path / "m", file, "--json", "-k", 2, *flags))
    assert (record["recall_at_2"], record["precision_at_2"]) == (1.0, pytest.approx(16 / 24))
    own = [label.split(separator if separator.strip() else None) for _, label in rows]
    in_python = firth.train_classifier(
        [text for text, _ in rows],
        [[name.strip() for name in names] for names in own],
        dims=4,
        threads=1,
        progress=False,
    )
    assert in_python.model.output_matrix.tobytes() == firth.load(tmp_path / "m").model.output_matrix.tobytes()


def test_separators_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\none,a;b\ntwo,b;\n")
    (tmp_path / "t.txt").write_text("__label__a one\n__label__b two\n")
    options = {"progress": False, "label_separator": ";"}
    with pytest.raises(CorpusError, match="line 3 has an empty label in its column; name the label"):
        firth.train_classifier(tmp_path / "t.csv", **options)
    with pytest.raises(ParameterError, match="label_separator must come with a table, got .*which is read as lines"):
        firth.train_classifier(tmp_path / "t.txt", **options)
    with pytest.raises(ParameterError, match="label_separator must be at least one character and differ from .* ','"):
        firth.train_classifier(tmp_path / "t.csv", **{**options, "label_separator": ","})
    with pytest.raises(ParameterError, match="--label-separator must come with a table, got .*which is read as lines"):
        CliRunner().invoke(
            app, ["evaluate", str(MODEL), str(tmp_path / "t.txt"), "--label-separator", ";"], catch_exceptions=False
        )


def test_columns_of_lists(tmp_path: Path) -> None:
    """Parquet and JSON rows by the frames of other programs."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    parquet = pytest.importorskip("pyarrow.parquet")
    texts, labels = ["one", "two", "three"] * 3, [["a", "b"], ["b"], ["a"]] * 3
    expected = firth.train_classifier(texts, labels, dims=4, threads=1, progress=False)
    polars.DataFrame({"text": texts, "labels": labels}).write_parquet(tmp_path / "t.parquet")
    rows = "".join(json.dumps({"text": text, "labels": own}) + "\n" for text, own in zip(texts, labels, strict=True))
    (tmp_path / "t.jsonl").write_text(rows)
    frames = [
        pandas.read_parquet(tmp_path / "t.parquet"),
        pandas.read_json(tmp_path / "t.jsonl", lines=True),
        polars.read_parquet(tmp_path / "t.parquet"),
        polars.read_ndjson(tmp_path / "t.jsonl"),
        parquet.read_table(tmp_path / "t.parquet"),
    ]
    for frame in frames:
        model = firth.train_classifier(frame["text"], frame["labels"], dims=4, threads=1, progress=False)
        assert model.model.input_matrix.tobytes() == expected.model.input_matrix.tobytes()


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
