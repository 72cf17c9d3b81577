"""``firth-fasttext`` prints what fastText's program printed (tests/compat/fasttext/golden, by make_golden.py there)."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.cli.fasttext_program import main
from firth.compat.fasttext import load_model

GOLDEN = Path(__file__).parents[1] / "compat" / "fasttext" / "golden"
CLASSIFIERS = Path(__file__).parents[1] / "classification" / "golden"
RUNS: list[dict[str, Any]] = json.loads((GOLDEN / "program.json").read_text())
NUMBER = re.compile(rb"(?<= )-?\d+(?:\.\d+)?(?:e[-+]\d+)?(?=[ \n]|$)")
SKELETON = re.compile(rb"__label__\S*|--------|" + NUMBER.pattern + rb"|(?<=\t)[\d.]+")
ROUNDED = ("predict-prob", "nn", "analogies")  # sums of products: fastText's own digits depend on how it was compiled
LABELS = ("predict", "predict-prob", "test", "test-label")
# The sigmoid is read from a table in these, so labels often have equal probabilities. fastText's order of those is that
# of its C++ library's heap; firth's is the model's.
TIED = ("negative.bin", "one-vs-all.bin")
MEALS = (
    "__label__food sweet apple pie\n__label__cars fast red car\n__label__food apple cake\n__label__cars red road\n" * 30
)


def assert_near(output: bytes, expected: bytes) -> None:
    """Numbers of the two outputs agree to the digits that do not depend on the order of a sum."""
    numbers, wanted = (np.array([float(found) for found in NUMBER.findall(text)]) for text in (output, expected))
    assert np.allclose(numbers, wanted, rtol=2e-5, atol=2e-6)


def clear_labels(output: bytes) -> list[list[bytes]]:
    """Of each line, the labels whose probability no other label of the line, and not the last one, comes near."""
    found = []
    for line in output.splitlines():
        parts = line.split()
        labels, scores = parts[::2], np.array(parts[1::2], float)
        is_clear = [(np.abs(scores - score) < 1e-5).sum() == 1 and score > scores[-1] for score in scores]
        found.append([label for label, clear in zip(labels, is_clear, strict=True) if clear])
    return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    """Runs the program in a folder of its own: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, data: bytes = b"") -> tuple[int, bytes, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        status = main(words)
        sys.stdout.flush()
        sys.stderr.flush()
        output, errors = capfdbinary.readouterr()
        return status, output, errors.decode()

    return call


def model_path(name: str) -> Path:
    return GOLDEN / name if (GOLDEN / name).exists() else CLASSIFIERS / name


@pytest.mark.parametrize("case", RUNS, ids=lambda case: " ".join(case["command"]))
def test_output_is_fasttexts(case: dict[str, Any], run: Any) -> None:
    command, name, *rest = case["command"]
    words = [command, str(model_path(name)), *(str(GOLDEN / f"{name}.lines") if w == "lines.txt" else w for w in rest)]
    status, output, errors = run(*words, data=case["input"].encode("latin-1"))
    expected = case["output"].encode("latin-1")
    assert status == case["status"]
    assert bool(errors) is (command == "dump" and not expected)  # matrices of quantized models
    if name in TIED and command in LABELS:
        assert SKELETON.sub(b"#", output) == SKELETON.sub(b"#", expected)
        if command == "predict-prob":
            assert_near(output, expected)
            assert clear_labels(output) == clear_labels(expected)
        return
    if command not in ROUNDED:
        assert output == expected
        return
    assert NUMBER.sub(b"#", output) == NUMBER.sub(b"#", expected)
    assert_near(output, expected)


def test_a_file_answers_as_standard_input_does(run: Any, tmp_path: Path) -> None:
    (tmp_path / "texts").write_bytes(b"a b\n\nc </s> d")
    name = str(CLASSIFIERS / "softmax.bin")
    from_file = run("predict-prob", name, "texts", "2")
    assert from_file == run("predict-prob", name, "-", "2", data=b"a b\n\nc </s> d")
    assert from_file[1].count(b"\n") == 4


def test_supervised_writes_a_model_and_its_vectors(run: Any, tmp_path: Path) -> None:
    (tmp_path / "meals").write_text(MEALS)
    flags = ("-dim", "4", "-epoch", "20", "-thread", "1", "-verbose", "0", "-wordNgrams", "2", "-bucket", "100")
    status, output, errors = run(
        "supervised", "-input", "meals", "-output", "m", *flags, "-loss", "one-vs-all", "-saveOutput"
    )
    assert (status, output, errors) == (0, b"", "")
    model = load_model("m.bin")
    assert model.labels == ["__label__cars", "__label__food"]
    assert model.f.getArgs().bucket == 100
    header, *lines = Path("m.vec").read_text().splitlines()
    assert header == f"{len(model.words)} 4"
    word, *numbers = lines[1].split()
    assert np.allclose([float(number) for number in numbers], model.get_word_vector(word), rtol=1e-4)
    assert lines[1].endswith(" ")  # as fastText writes it
    assert Path("m.output").read_text().startswith("2 4\n__label__cars ")
    assert run("test", "m.bin", "meals")[:2] == (0, b"N\t120\nP@1\t1\nR@1\t1\n")
    assert run("predict", "m.bin", "-", data=b"apple\nred\n")[1] == b"__label__food\n__label__cars\n"


@pytest.mark.parametrize("command", ["skipgram", "cbow"])
def test_vectors_of_words(command: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "meals").write_text(MEALS.replace("__label__", ""))
    flags = ("-dim", "4", "-minCount", "1", "-t", "1", "-thread", "1", "-verbose", "0", "-minn", "2", "-maxn", "3")
    assert run(command, "-input", "meals", "-output", "w", *flags)[0] == 0
    words = run("dump", "w.bin", "args")[1].decode()
    assert f"model {'sg' if command == 'skipgram' else 'cbow'}\n" in words
    assert run("print-word-vectors", "w.bin", data=b"apples")[1].startswith(b"apples ")
    ngrams = run("print-ngrams", "w.bin", "pie")[1].splitlines()
    assert [line.split()[0] for line in ngrams] == [b"pie", *b"<p <pi pi pie ie ie> e>".split()]
    asked = run("analogies", "w.bin", "2", data=b"apple pie car\nred")[1].decode()
    assert asked.startswith("Loading model w.bin\nQuery triplet (A - B + C)? ")
    assert asked.endswith("\nQuery triplet (A - B + C)? ")  # fastText would ask forever where the input ends


def test_quantize_writes_the_small_model(run: Any, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes((CLASSIFIERS / "softmax-ngrams.bin").read_bytes())
    assert run("quantize", "-output", "m", "-cutoff", "200", "-qnorm", "-dsub", "1", "-qout")[0] == 0
    small = load_model("m.ftz")
    assert small.is_quantized()
    assert len(small.words) < len(load_model("m.bin").words)


def test_quantize_trains_again(run: Any, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("__label__warm red pink\n__label__cold blue grey\n" * 50)
    assert run("supervised", "-input", "t.txt", "-output", "m", "-dim", "4", "-verbose", "0")[0] == 0
    words = ("quantize", "-input", "t.txt", "-output", "m", "-cutoff", "3", "-verbose", "0")
    sure = []
    for more in ((), ("-retrain", "-epoch", "50", "-lr", "0.5")):
        assert run(*words, *more)[0] == 0
        sure.append(float(load_model("m.ftz").predict("red pink")[1][0]))
    assert sure[1] > max(0.9, sure[0]), sure


def test_lines_are_answered_as_they_come() -> None:
    """Programs talk to it through pipes: an answer must not wait for the next line."""
    words = [sys.executable, "-m", "firth.cli.fasttext_program", "predict", str(CLASSIFIERS / "softmax.bin"), "-"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(b"a b c\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"__label__")
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_reader_that_leaves_ends_the_program_quietly(tmp_path: Path) -> None:
    (tmp_path / "texts").write_bytes(b"a b c\n" * 200_000)
    words = [sys.executable, "-m", "firth.cli.fasttext_program", "predict", str(CLASSIFIERS / "softmax.bin")]
    with subprocess.Popen([*words, str(tmp_path / "texts")], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_usage_is_on_the_stream_that_fasttext_takes(run: Any) -> None:
    for words, starts in (
        ((), "usage: fasttext <command> <args>"),
        (("no-command",), "usage: fasttext <command> <args>"),
        (("test",), "usage: fasttext test <model> <test-data> [<k>] [<th>]"),
        (("test-label", "m"), "usage: fasttext test-label <model>"),
        (("predict", "m"), "usage: fasttext predict[-prob] <model> <test-data> [<k>] [<th>]"),
        (("print-word-vectors",), "usage: fasttext print-word-vectors <model>"),
        (("print-sentence-vectors",), "usage: fasttext print-sentence-vectors <model>"),
        (("print-ngrams", "m"), "usage: fasttext print-ngrams <model> <word>"),
        (("quantize",), "usage: fasttext quantize <args>"),
    ):
        status, output, errors = run(*words)
        assert (status, output) == (1, b"")
        assert errors.startswith(starts), words
    for words in (("nn",), ("analogies",), ("dump", "m")):
        status, output, errors = run(*words)
        assert (status, errors) == (1, "")
        assert output.startswith(b"usage: fasttext " + words[0].encode())
    assert run("dump", str(GOLDEN / "cbow.bin"), "nothing")[1].startswith(b"usage: fasttext dump")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["supervised", "text"], "Provided argument without a dash! Usage:"),
        (["supervised", "-h"], "Here is the help! Usage:"),
        (["supervised", "-nothing", "1"], "Unknown argument: -nothing"),
        (["supervised", "-lr"], "-lr is missing an argument"),
        (["supervised", "-loss", "l1"], "Unknown loss: l1"),
        (["supervised", "-input", "x"], "Empty input or output path."),
        (["supervised", "-dim", "ten"], "-dim must be a whole number, got 'ten'"),
        (["cbow", "-lr", "fast"], "-lr must be a number, got 'fast'"),
        (["cbow", "-input", "x", "-output", "y", "-dim", "0"], "dim must be at least 1, got 0"),
        (["cbow", "-input", "-", "-output", "y"], "input must be the path of a file, got '-'"),
        (["cbow", "-input", "no-file", "-output", "y"], "no-file cannot be opened"),
        (["cbow", "-input", "SOFTMAX", "-output", "no-folder/y"], "no-folder"),
        (["quantize", "-output", "m", "-retrain"], "Empty input or output path."),
        (["supervised", "-autotune-validation", "v"], "-autotune-validation must be left out"),
        (["quantize", "-output", "no-model"], "no-model.bin cannot be opened for loading"),
        (["predict", "no-model", "-"], "no-model cannot be opened for loading"),
        (["predict", "SOFTMAX", "-", "0"], "k must be at least 1, or -1 for all labels, got 0"),
        (["predict", "SOFTMAX", "-", "many"], "<k> must be a whole number, got 'many'"),
        (["predict", "SOFTMAX", "-", "1", "half"], "<th> must be a number, got 'half'"),
        (["predict", "SOFTMAX", "no-texts"], "no-texts cannot be opened"),
        (["test", "SOFTMAX", "no-texts"], "no-texts cannot be opened"),
        (["predict", "CBOW", "-"], "the model must be supervised to predict labels"),
        (["predict", "CBOW", "-", "-1"], "the model must be supervised to predict labels"),
        (["nn", "CBOW", "0"], "<k> must be at least 1, got 0"),
    ],
)
def test_bad_words_give_a_reason_and_status_1(words: list[str], message: str, run: Any, tmp_path: Path) -> None:
    names = {"SOFTMAX": str(CLASSIFIERS / "softmax.bin"), "CBOW": str(GOLDEN / "cbow.bin")}
    status, output, errors = run(*(names.get(word, word) for word in words), data=b"a\n")
    assert (status, output) == (1, b"")
    assert message in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("*.bin"))


def test_the_program_is_installed_by_its_name() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'firth-fasttext = "firth.cli.fasttext_program:main"' in project
