"""`firth classify`: train, predict, evaluate; every kind of file; everything that can be wrong with one."""

from __future__ import annotations

import errno
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from firth.classification.labelled_text import read_labelled_texts
from firth.cli.classify import app
from firth.errors import (
    CorpusError,
    EncodingError,
    FirthError,
    FormatError,
    ParameterError,
    StorageError,
)
from firth.formats.registry import write_vectors
from firth.formats.table import VectorTable

ANIMALS, TOOLS = ["cat", "dog", "cow", "hen"], ["saw", "axe", "nail", "glue"]


@pytest.fixture
def vectors(tmp_path):
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(8, 6)).astype(np.float32)
    matrix[:4, 0] += 3
    matrix[4:, 0] -= 3
    write_vectors(tmp_path / "vectors", VectorTable(ANIMALS + TOOLS, matrix), "firth")
    return tmp_path / "vectors"


@pytest.fixture
def examples():
    generator = np.random.default_rng(1)
    return [
        (name, " ".join(generator.choice(words, 3)))
        for _ in range(20)
        for name, words in (("animal", ANIMALS), ("tool", TOOLS))
    ]


def write_lines(path, examples):
    path.write_text("".join(f"__label__{label} {text}\n" for label, text in examples))
    return path


def write_columns(path, examples, separator=",", header="label,text"):
    rows = [header.replace(",", separator)] if header else []
    rows += [f'{label}{separator}"{text}"' for label, text in examples]
    path.write_text("\n".join(rows) + "\n")
    return path


def run(*arguments):
    """Run a command that must succeed; an error of firth's leaves it as an exception, for main to print."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def refuse(error, message, *arguments):
    with pytest.raises(error, match=message) as caught:
        CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert isinstance(caught.value, FirthError)


@pytest.fixture
def model(tmp_path, vectors, examples):
    run("train", write_lines(tmp_path / "train.txt", examples), "--vectors", vectors, "-o", tmp_path / "model")
    return tmp_path / "model"


# -- what it does -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lines", "csv", "tsv", "csv by number"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_train_predict_evaluate(tmp_path, vectors, examples, kind, solver):
    options = []
    if kind == "lines":
        file = write_lines(tmp_path / "data.txt", examples)
    elif kind == "csv by number":
        file = write_columns(tmp_path / "data.csv", examples, header="")
        options = ["--no-header"]
    else:
        file = write_columns(tmp_path / f"data.{kind}", examples, "," if kind == "csv" else "\t")
    trained = run(
        "train", file, "--vectors", vectors, "-o", tmp_path / "m", "--solver", solver, "--learning-rate", 0.05, *options
    )
    assert "40 texts (0 without a known word), 2 classes" in trained.stdout

    predicted = run("predict", tmp_path / "m", file, *options).stdout.splitlines()
    assert [line.split("\t")[0] for line in predicted] == [label for label, _ in examples]
    assert all(0.5 <= float(line.split("\t")[1]) <= 1 for line in predicted)

    report = json.loads(run("evaluate", tmp_path / "m", file, "--json", *options).stdout)
    assert report["accuracy"] == report["macro_f1"] == report["micro_f1"] == 1.0
    assert report["confusion_matrix"] == [[20, 0], [0, 20]]
    assert report["classes"] == ["animal", "tool"]


def test_the_saved_model_holds_no_code_and_needs_no_vectors(tmp_path, model, vectors, examples):
    assert sorted(re.sub("[0-9a-f]{16}", "ID", path.name) for path in model.iterdir() if path.name[0] != ".") == [
        "config.json",
        "model-ID.safetensors",
    ]
    for path in sorted(vectors.iterdir()):
        path.unlink()
    run("predict", model, write_lines(tmp_path / "again.txt", examples))


def test_the_same_seed_gives_the_same_predictions(tmp_path, vectors, examples):
    file = write_lines(tmp_path / "data.txt", examples)
    outputs = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run("train", file, "--vectors", vectors, "-o", tmp_path / name, "--seed", seed, "--epochs", 5, "--hidden", 9)
        outputs.append(run("predict", tmp_path / name, file).stdout)
    assert outputs[0] == outputs[1] != outputs[2]


def test_tables_and_picture(tmp_path, model, examples):
    file = write_lines(tmp_path / "test.txt", [*examples, ("tool", "cat dog")])
    result = run("evaluate", model, file, "--picture", tmp_path / "confusion.png")
    assert "41 texts: accuracy 0.9756" in result.stdout
    assert "confusion matrix" in result.stdout
    assert re.search(r"tool\D+1\D+20\D", result.stdout)
    assert (tmp_path / "confusion.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_top_lists_classes_by_falling_probability(model, examples, tmp_path):
    for line in run("predict", model, write_lines(tmp_path / "t.txt", examples), "--top", 9).stdout.splitlines():
        first, p_first, second, p_second = line.split("\t")
        assert {first, second} == {"animal", "tool"}
        assert float(p_first) >= float(p_second)
        assert float(p_first) + float(p_second) == pytest.approx(1, abs=1e-5)


def test_predictions_into_a_file_are_never_written_over(tmp_path, model, examples):
    file, output = write_lines(tmp_path / "t.txt", examples), tmp_path / "predictions.tsv"
    run("predict", model, file, "-o", output)
    assert len(output.read_text().splitlines()) == len(examples)
    refuse(StorageError, "exists", "predict", model, file, "-o", output)
    run("predict", model, file, "-o", output, "--overwrite")


def test_a_text_without_a_known_word_has_an_answer_and_is_named(tmp_path, model):
    file = tmp_path / "strange.txt"
    file.write_text("cat dog\nunheard of\n\n")
    result = run("predict", model, file)
    lines = result.stdout.splitlines()
    assert len(lines) == 3, "one answer a line, the empty one too"
    assert lines[1] == lines[2]
    assert 0.5 <= float(lines[1].split("\t")[1]) < 1
    assert "2 texts have no known word" in result.stderr
    assert "(line 2, 3)" in result.stderr


def test_labels_that_were_not_trained_on_are_errors(tmp_path, model, examples):
    file = write_lines(tmp_path / "test.txt", [*examples, ("plant", "cat dog")])
    result = run("evaluate", model, file, "--json")
    report = json.loads(result.stdout)
    assert report["classes"] == ["animal", "tool", "plant"]
    assert report["accuracy"] == pytest.approx(40 / 41)
    assert "not trained on" in result.stderr


def test_several_labels(tmp_path, vectors, examples):
    file = tmp_path / "several.txt"
    write_lines(file, examples)
    file.write_text(file.read_text() + "__label__animal __label__pet cat dog\n")
    arguments = ("train", file, "--vectors", vectors, "-o", tmp_path / "m")
    refuse(CorpusError, r"line 41 has 2 labels \(animal, pet\); give --several-labels", *arguments)
    assert "2 classes" in run(*arguments, "--several-labels", "first").stdout
    assert "3 classes" in run(*arguments, "--several-labels", "each", "--overwrite").stdout
    report = json.loads(run("evaluate", tmp_path / "m", file, "--several-labels", "each", "--json").stdout)
    assert report["n_texts"] == 41
    assert report["accuracy"] == 1.0


def test_balanced_classes_are_told_apart_however_rare(tmp_path, vectors, examples):
    rare = [("tool", "saw axe nail")] + [example for example in examples if example[0] == "animal"] * 20
    file = write_lines(tmp_path / "rare.txt", rare)
    run("train", file, "--vectors", vectors, "-o", tmp_path / "m", "--balanced", "--lowercase")
    (tmp_path / "new.txt").write_text("SAW Axe\n")
    assert run("predict", tmp_path / "m", tmp_path / "new.txt").stdout.startswith("tool\t")


# -- what it refuses, with nothing written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "options", "error", "message"),
    [
        ("a.txt", b"__label__x cat\ndog\n", [], CorpusError, r"a.txt, line 2 has no label; give it a word"),
        ("a.txt", b"__label__x cat\n\n__label__y dog\n", [], CorpusError, "line 2 has no label"),
        ("a.txt", b"__label__x cat\n__label__y \n", [], CorpusError, "line 2 has nothing but its label 'y'"),
        ("a.txt", b"__label__ cat\n", [], CorpusError, "line 1 has __label__ without a name"),
        ("a.txt", b"__label__x cat\n__label__x dog\n", [], ParameterError, "2 classes, got one class"),
        ("a.txt", b"", [], CorpusError, "at least one text, got none"),
        ("a.txt", b"__label__x caf\xe9\n", [], EncodingError, "byte 0xe9 at offset 14"),
        ("a.txt", b"__label__x one\n__label__y two\n", [], CorpusError, "no word of 2 texts is in the vectors"),
        (
            "a.txt",
            b"__label__x cat\n__label__y dog\n",
            ["--text-column", "t"],
            ParameterError,
            "must come with a table",
        ),
        ("a.csv", b"", [], CorpusError, "got an empty file"),
        ("a.csv", b"label,text\n", [], CorpusError, "at least one text"),
        ("a.csv", b"kind,words\nx,cat\n", [], FormatError, "'text' is not a column of .*, which has 'kind', 'words'"),
        ("a.csv", b"label,text\nx,cat\n", ["--label-column", "no"], FormatError, "'no' is not a column of"),
        ("a.csv", b"text,text,label\na,b,x\n", [], FormatError, "'text' occurs more than once"),
        ("a.csv", b"label,text\nx,cat\ny\n", [], FormatError, "line 3: a row must have 2 columns, got 1"),
        ("a.csv", b"label,text\nx,cat,dog\n", [], FormatError, "line 2: a row must have 2 columns, got 3"),
        ("a.csv", b'label,text\nx,"cat\ny,dog\n', [], FormatError, "unexpected end of data"),
        ("a.csv", b"label,text\n,cat\n", [], CorpusError, "line 2 has no label; give it a value in the label column"),
        ("a.csv", b'label,text\nx,"two\nlines"\ny,\n', [], CorpusError, "line 4 has nothing but its label 'y'"),
        ("a.csv", b"x,cat\n", ["--no-header", "--text-column", "text"], ParameterError, "number of at least 1"),
        ("a.csv", b"x,cat\n", ["--no-header", "--text-column", "7"], FormatError, "must have 7 columns, got 2"),
        ("a.txt", b"__label__x cat\n__label__y dog\n", ["--format", "xml"], ParameterError, "format must be one of"),
        ("a.txt", b"__label__x cat\n__label__y dog\n", ["--label-prefix", ""], ParameterError, "label prefix"),
        ("a.txt", b"__label__x cat\n__label__y dog\n", ["--several-labels", "all"], ParameterError, "several labels"),
        ("a.txt", b"__label__x cat\n__label__y dog\n", ["--hidden", "-1"], ParameterError, "n_hidden must be"),
        ("a.txt", b"__label__x cat\n__label__y dog\n", ["--solver", "newton"], ParameterError, "solver must be one of"),
        (
            "a.txt",
            b"__label__x cat\n__label__y dog\n",
            ["--early-stopping"],
            ParameterError,
            "early_stopping must have",
        ),
    ],
)
def test_bad_training_files(tmp_path, vectors, name, content, options, error, message):
    file = tmp_path / name
    file.write_bytes(content)
    refuse(error, message, "train", file, "--vectors", vectors, "-o", tmp_path / "model", *options)
    assert not (tmp_path / "model").exists()
    assert file.read_bytes() == content


def test_missing_files_and_taken_folders(tmp_path, vectors, examples, model):
    file = write_lines(tmp_path / "data.txt", examples)
    refuse(
        StorageError,
        "no.txt does not exist; give a file of texts",
        "train",
        tmp_path / "no.txt",
        "--vectors",
        vectors,
        "-o",
        tmp_path / "m",
    )
    refuse(FirthError, "nowhere", "train", file, "--vectors", tmp_path / "nowhere", "-o", tmp_path / "m")
    before = (model / "config.json").read_bytes()
    refuse(StorageError, "holds a model", "train", file, "--vectors", vectors, "-o", model)
    assert (model / "config.json").read_bytes() == before
    refuse(StorageError, "no-model", "predict", tmp_path / "no-model", file)
    refuse(FormatError, "kind must be 'text-classifier', got 'vectors'", "predict", vectors, file)
    refuse(ParameterError, "top must be at least 1", "predict", model, file, "--top", 0)
    refuse(ParameterError, "suffix of a picture", "evaluate", model, file, "--picture", tmp_path / "a.doc")


def test_a_failed_training_leaves_the_old_model(tmp_path, vectors, model):
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    bad = tmp_path / "bad.txt"
    bad.write_text("no label\n")
    refuse(CorpusError, "line 1", "train", bad, "--vectors", vectors, "-o", model, "--overwrite")
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(classes=["one"]), "classes must be"),
        (lambda config: config.update(classes=["a", "a"]), "classes must be"),
        (lambda config: config.update(n_hidden=7), "parameters must be"),
        (lambda config: config.update(n_hidden="7"), "n_hidden and lowercase"),
        (lambda config: config.update(network=3), "network must be an object"),
        (lambda config: config.update(classifier_version=2), "classifier_version must be 1"),
        (lambda config: config.pop("lowercase"), "n_hidden and lowercase"),
    ],
)
def test_damaged_models(tmp_path, model, examples, change, message):
    config = json.loads((model / "config.json").read_text())
    change(config)
    (model / "config.json").write_text(json.dumps(config))
    refuse(FormatError, message, "predict", model, write_lines(tmp_path / "t.txt", examples))


def test_a_picture_of_many_classes_is_refused(tmp_path, vectors):
    rows = [(f"class{number}", ANIMALS[number % 4]) for number in range(51)]
    file = write_lines(tmp_path / "t.txt", rows)
    run("train", file, "--vectors", vectors, "-o", tmp_path / "m", "--hidden", 0, "--solver", "adam", "--epochs", 1)
    printed = run("evaluate", tmp_path / "m", file).stdout
    assert "31 rarer classes are in --json" in printed
    refuse(
        ParameterError,
        "--picture must come with a classifier of at most 50 labels, got 51; give --json in its place",
        *("evaluate", tmp_path / "m", file, "--picture", tmp_path / "p.png"),
    )


# -- the reader alone -------------------------------------------------------------------------------------------------


def test_quoted_fields_may_hold_separators_and_line_ends(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes('\ufefftext,id,label\r\n"one, ""two""\nthree",7,x\r\n\r\nfour,8,y\r\n'.encode())
    data = read_labelled_texts(file)
    assert data.texts == ['one, "two"\nthree', "four"]
    assert data.labels == [["x"], ["y"]]
    assert data.line_numbers == [2, 5]


def test_labels_stand_anywhere_in_a_line(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("__label__x a b\na b __label__y\na __label__z b\n@w c\n__label__v a __label__u\n")
    data = read_labelled_texts(file, with_labels=False)
    assert data.labels == [["x"], ["y"], ["z"], [], ["v", "u"]]
    assert data.texts == ["a b", "a b", "a b", "@w c", "a"]
    assert read_labelled_texts(file, with_labels=False, label_prefix="@").labels == [[], [], [], ["w"], []]
    with pytest.raises(
        CorpusError, match=r"line 4 has no label;.*\(no label: 1 of 5 texts; several labels: 1 of 5 texts\)"
    ):
        read_labelled_texts(file)


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("__label__cold,north wind", "cold,north"),
        ("__label__a,__label__b wind", "a,__label__b"),
        ("wind __label__a;__label__b", "a;__label__b"),
        ("__label__a__label__b wind", "a__label__b"),
        ("__label__a|wind", "a|wind"),
        ("__label__a, wind", "a,"),
        ("__label__a north wind,__label__b", "wind,__label__b"),
    ],
)
def test_labels_that_are_glued_are_no_classes(tmp_path, line, label):
    file = tmp_path / "a.txt"
    file.write_text(f"__label__warm south wind\n{line}\n{line}\n")
    with pytest.raises(
        CorpusError, match=r"a.txt, line 2 has a label that is joined .*; put a space .*joined label: 2 of 3 texts"
    ) as e:
        read_labelled_texts(file)
    assert repr(label) in str(e.value)


def test_marks_without_a_name_are_told(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("__label__x wind\n__label__ __label__x rain\n")
    with pytest.raises(CorpusError, match="line 2 has __label__ without a name"):
        read_labelled_texts(file)


def test_lines_without_label_or_text_are_counted(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("__label__x a\nb\nc\n__label__y\n\n__label__z d\n")
    with pytest.raises(CorpusError, match=r"line 2 has no label.*\(no label: 3 of 6 texts; no text: 1 of 6 texts\)"):
        read_labelled_texts(file)


@pytest.mark.parametrize(("name", "mark", "option"), [("a.csv", ";", ";"), ("a.txt", "|", "|"), ("a.csv", "\t", "tab")])
def test_delimiter(tmp_path, vectors, examples, name, mark, option):
    file = write_columns(tmp_path / name, examples, mark)
    arguments = (file, "--delimiter", option)
    if name == "a.csv":
        refuse(FormatError, f"give --delimiter '?{re.escape(option)}", "train", file, "--vectors", vectors, "-o", "m")
    trained = run("train", *arguments, "--vectors", vectors, "-o", tmp_path / "m")
    assert "40 texts (0 without a known word), 2 classes" in trained.stdout
    assert json.loads(run("evaluate", tmp_path / "m", *arguments, "--json").stdout)["accuracy"] == 1.0
    assert len(run("predict", tmp_path / "m", *arguments).stdout.splitlines()) == 40


def test_delimiters_that_cannot_be(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("1;2\n")
    with pytest.raises(CorpusError, match="if the file is a table, give --format csv or --delimiter"):
        read_labelled_texts(file, file_format="lines")
    with pytest.raises(FormatError, match=r"must have 2 columns, got 1;.* give --delimiter ';'"):
        read_labelled_texts(file, header=False)
    for delimiter in ("", "::", '"'):
        with pytest.raises(ParameterError, match="--delimiter must be one character, or tab"):
            read_labelled_texts(file, delimiter=delimiter)
    with pytest.raises(ParameterError, match="--delimiter must come with a table, got --format lines"):
        read_labelled_texts(file, delimiter=";", file_format="lines")


def test_a_disk_that_fills_leaves_the_old_picture(tmp_path, monkeypatch):
    from firth.errors import StorageError
    from firth.estimators.confusion import compute_confusion

    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    confusion = compute_confusion(["a", "b"], ["a", "a"])

    def fill(file, data):
        file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("firth.estimators.confusion.write_all", fill)
        with pytest.raises(StorageError, match="the disk is full"):
            confusion.save_picture(path)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a.png", b"old")]
    confusion.save_picture(path)
    assert path.read_bytes().startswith(b"\x89PNG")


# -- a classifier that learns its own vectors -------------------------------------------------------------------------


def test_train_without_vectors(tmp_path, examples):
    file = write_lines(tmp_path / "train.txt", [*examples, ("tool __label__short", "saw")])
    options = ("--epochs", 20, "--learning-rate", 0.5, "--dims", 10, "--threads", 1)
    printed = run("train", file, "-o", tmp_path / "own", *options, "--word-ngrams", 2).stdout
    assert re.fullmatch(r"3 labels, 9 words; 20 epochs, loss 0\.\d{4} nats in \d+\.\d s; saved to .*own\n", printed)
    texts = tmp_path / "texts.txt"
    texts.write_text("cat hen\nnail glue saw\n")
    answers = run("predict", tmp_path / "own", texts).stdout
    assert [line.split("\t")[0] for line in answers.splitlines()] == ["animal", "tool"]
    run("train", file, "-o", tmp_path / "own.bin", *options, "--word-ngrams", 2)
    assert run("predict", tmp_path / "own.bin", texts).stdout == answers
    record = json.loads(run("evaluate", tmp_path / "own", file, "--json").stdout)
    assert record["precision_at_1"] > 0.97
    run("quantize", tmp_path / "own", "-o", tmp_path / "own.ftz", "--part-dims", 1)
    assert [line.split("\t")[0] for line in run("predict", tmp_path / "own.ftz", texts).stdout.splitlines()] == [
        "animal",
        "tool",
    ]


def test_train_without_vectors_from_a_table_and_from_standard_input(tmp_path, examples):
    columns = write_columns(tmp_path / "t.csv", examples, ";", "kind,words")
    names = ("--text-column", "words", "--label-column", "kind", "--delimiter", ";")
    options = ("--dims", 5, "--threads", 1)
    run("train", columns, "-o", tmp_path / "table", *names, *options)
    lines = "".join(f"{text} __label__{label}\n" for label, text in examples)
    arguments = ["train", "-", "-o", tmp_path / "lines", *options]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=lines, catch_exceptions=False)
    assert result.exit_code == 0
    arguments = ["train", "-", "--format", "csv", "-o", tmp_path / "stdin", *names, *options]
    table = columns.read_bytes()
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=table, catch_exceptions=False)
    assert result.exit_code == 0
    tensors = {next((tmp_path / name).glob("*.safetensors")).name for name in ("table", "lines", "stdin")}
    assert len(tensors) == 1  # a file's name begins its checksum


def test_held_out_part_and_patience(tmp_path, examples):
    file = write_lines(tmp_path / "train.txt", examples)
    wrong = write_lines(tmp_path / "wrong.txt", [("tool", "cat hen dog cow")])
    options = ("--heldout", wrong, "--patience", 1, "--epochs", 30, "--learning-rate", 1, "--threads", 1)
    printed = run("train", file, "-o", tmp_path / "own", *options, "--loss", "one-vs-all").stdout
    assert "2 epochs" in printed
    assert "kept epoch 1" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", 5], "--hidden must be used with --vectors, got 5; leave out --hidden"),
        (["--solver", "adam"], "--solver must be used with --vectors, got adam"),
        (["--l2", 0], "--l2 must be used with --vectors, got 0"),
        (["--lowercase"], "--lowercase must be used with --vectors, got True"),
        (["--several-labels", "first"], "--several-labels must be used with --vectors, got first"),
        (["--vectors", "v", "--word-ngrams", 2], "--word-ngrams must be used without --vectors, got 2"),
        (["--vectors", "v", "--loss", "softmax"], "--loss must be used without --vectors, got softmax"),
        (["--vectors", "v", "--threads", 2], "--threads must be used without --vectors, got 2"),
        (["--patience", 2], "patience must"),
        (["--label-column", "x"], "text_column, label_column, delimiter and label_separator must come with a table"),
    ],
)
def test_flags_of_the_other_mode_are_refused(tmp_path, examples, options, message):
    file = write_lines(tmp_path / "train.txt", examples)
    refuse(ParameterError, message, "train", file, "-o", tmp_path / "own", *options)
    assert not (tmp_path / "own").exists()
