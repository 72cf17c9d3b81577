"""The command line as a whole: help, versions, exit statuses, broken pipes, Ctrl-C; and one command a test."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import firth
from firth.cli.main import COMMANDS, app, load_command
from firth.cli.vector_flags import VectorFile
from firth.kernels.config import CHOICE_NAMES, PARAMETER_HELP, TrainingConfig, choices_of
from firth.kernels.registry import OBJECTIVES
from firth.native.loader import available_instruction_sets
from firth.training.run import prepared

PACKAGE = Path(firth.__file__).parents[1]


def invoke(*arguments: object, input: str | None = None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


# ---- the whole


def test_help_lists_every_command_and_loads_none(run) -> None:
    done = run("--help")
    assert done.returncode == 0
    for name, entry in COMMANDS.items():
        assert name in done.stdout
        assert entry.help in done.stdout
    code = "import sys; from firth.cli.main import main; main(['--help']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True
    ).stdout.splitlines()[-1]
    assert "firth.cli.main" in loaded.split()
    assert not {"numpy", "safetensors", *(entry.module for entry in COMMANDS.values())} & set(loaded.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_teaches(run, name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert f"Usage: firth {name}" in done.stdout
    if name not in ("check", "classify", "documents", "selfcheck"):  # a page, commands of their own, nothing to choose
        assert done.stdout.count(f"firth {name}") >= 2, "an example"
    first_line = (load_command(name, COMMANDS[name]).help or "").strip().splitlines()[0]
    assert first_line.endswith((".", ":", "?")), first_line


def test_version() -> None:
    assert invoke("--version").output == f"firth {firth.__version__}\n"


def test_a_command_of_another_name_is_suggested() -> None:
    done = invoke("trian")
    assert done.exit_code == 2
    assert "train" in done.output


def test_python_m_firth_is_the_command_line() -> None:
    command = [sys.executable, "-m", "firth", "neighbors", "nowhere", "whale"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: nowhere")


def test_a_reader_that_leaves_is_no_error(model: Path) -> None:
    code = "import sys; from firth.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = " ".join(["whale"] * 2000)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code, "neighbors", str(model)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        input=words,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    os.close(writing)
    assert (done.returncode != 0, done.stderr) == (True, "")


def interrupt(arguments: list[str], folder: Path, after: str) -> tuple[int, str]:
    """Run a command until a line of its standard error begins so, press Ctrl-C; status and the other lines."""
    with subprocess.Popen(
        [sys.executable, "-m", "firth", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(after):
                break
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        rest = process.stderr.read()
        status = process.wait(timeout=60)
        assert time.monotonic() - start < 30  # a second, on a machine that is not busy
    return status, rest


def test_ctrl_c_ends_with_130_and_keeps_what_was_learned(tmp_path: Path, corpus_file: Path) -> None:
    """The rest is in test_interrupt.py."""
    status, rest = interrupt(["train", str(corpus_file), "-o", "model", "--epochs", "1000000"], tmp_path, "epoch 2")
    assert status == 130
    assert "Interrupted: what was learned in" in rest
    assert "Traceback" not in rest
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert firth.load(tmp_path / "model").history.stop_reason == "interrupted"


# ---- train


def test_train_has_a_flag_for_every_parameter_with_its_choices_and_default(run) -> None:
    shown = run("train", "--help").stdout
    for field in dataclasses.fields(TrainingConfig):
        assert f"--{field.name.replace('_', '-')}" in shown
        assert field.name in PARAMETER_HELP
    for choices in map(choices_of, CHOICE_NAMES):
        assert all(choice in shown for choice in choices)
    command = load_command("train", COMMANDS["train"])
    flags = {parameter.name: parameter for parameter in command.params}
    for field in dataclasses.fields(TrainingConfig):
        default = flags[field.name].default
        assert getattr(default, "value", default) == field.default


def test_flags_reach_the_configuration(corpus_file: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        "dims": 7,
        "window": 3,
        "window_mode": "fixed",
        "window_side": "left",
        "subsample": 0.0,
        "learning_rate": 0.04,
        "min_learning_rate": 0.001,
        "min_count": 2,
        "max_vocabulary": 9,
        "epochs": 2,
        "threads": 1,
        "seed": 12345678901234567890,
        "deterministic": True,
    }
    subwords = {"subwords": True, "min_ngram": 2, "max_ngram": 5, "buckets": 300}
    cbow = {"architecture": "cbow", "cbow_input": "sum", "cbow_update": "word2vec"}
    noise = {"negatives": 3, "negative_sharing": "pair", "target_collision": "drop", "noise_exponent": -0.5}
    tried = set()
    for number, values in enumerate(({**subwords, **cbow, "loss": "hierarchical-softmax"}, noise)):
        wanted = TrainingConfig(**shared, **values)
        flags: list[str] = []
        for name in (*shared, *values):
            value = getattr(wanted, name)
            tried.add(name)
            assert value != TrainingConfig.__dataclass_fields__[name].default, f"{name} is not tried"
            flag = f"--{name.replace('_', '-')}"
            flags += [flag] if value is True else [flag, str(value)]
        done = invoke("train", corpus_file, "-o", tmp_path / f"m{number}", "--quiet", *flags)
        assert (done.exit_code, done.output) == (0, "")
        assert firth.load(tmp_path / f"m{number}").config == wanted
    assert tried == {field.name for field in dataclasses.fields(TrainingConfig)}


def test_train_json_is_one_object_on_standard_output(run, corpus_file: Path) -> None:
    done = run("train", corpus_file, "-o", "m", "--dims", 8, "--epochs", 2, "--json", "--min-count", 1)
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert record["tokens"] == 20_000
    assert record["vocabulary_size"] == 16
    assert record["epochs"] == 2
    assert record["words_per_s"] == pytest.approx(2 * 20_000 / record["train_seconds"], rel=1e-6)
    assert record["encode_seconds"] > 0
    assert 0 < record["loss_nats"] < 10
    assert "epoch 2/2" in done.stderr


def test_the_progress_goes_to_standard_error_and_quiet_is_silent(run, corpus_file: Path) -> None:
    done = run("train", corpus_file, "-o", "m", "--dims", 8)
    assert done.stdout.startswith("16 words x 8 dims from 20,000 tokens")
    assert "try: firth neighbors m" in done.stdout
    done = run("train", corpus_file, "-o", "m", "--dims", 8, "--quiet", "--overwrite")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input_is_a_corpus(run, corpus_file: Path) -> None:
    done = run("train", "-", "-o", "m", "--json", "--quiet", input=corpus_file.read_text())
    assert json.loads(done.stdout)["tokens"] == 20_000


def test_several_files_and_lower_case(run, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(corpus_file.read_text().upper())
    done = run("train", corpus_file, "b.*", "-o", "m", "--json", "--quiet", "--lowercase")
    record = json.loads(done.stdout)
    assert (record["tokens"], record["vocabulary_size"]) == (40_000, 16)


def test_heldout_and_patience(run, corpus_file: Path) -> None:
    done = run("train", corpus_file, "-o", "m", "--heldout", "5%", "--patience", 1, "--epochs", 50, "--json", "-q")
    record = json.loads(done.stdout)
    assert record["heldout_loss_nats"] > 0
    assert record["tokens"] < 20_000
    assert record["stop_reason"] in ("patience", "finished")


def test_matrices_on_the_disk(run, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "is_in_memory", lambda folder: False)  # as the tests' folder may be
    flags = ("train", corpus_file, "--dims", 8, "--threads", 1, "--min-count", 1)
    assert "matrices on the disk" in run(*flags, "-o", "disk", "--matrices", "disk").stderr
    assert "matrices on the disk" not in run(*flags, "-o", "memory").stderr
    np.testing.assert_array_equal(firth.load("disk").vectors.matrix, firth.load("memory").vectors.matrix)
    assert run(*flags, "-o", "m", "--matrices", "ssd").returncode == 2


def test_vocabulary_weights_and_initial_vectors(run, corpus_file: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("whale 10\nship 9\ncat 8\n")
    (tmp_path / "weights").write_text("1\n" * 1999 + "0.5\n")
    done = run(
        *("train", corpus_file, "-o", "m", "--dims", 12, "--initial-vectors", model, "--freeze", "--quiet"),
        *("--vocabulary", "words", "--sequence-weights", "weights"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    trained, start = firth.load(tmp_path / "m").vectors, firth.load(model).vectors
    assert list(trained.words) == ["whale", "ship", "cat"]
    np.testing.assert_array_equal(trained["whale"], start["whale"])


def test_resume_goes_on_after_an_interruption(run, corpus_file: Path, tmp_path: Path) -> None:
    flags = ["train", str(corpus_file), "-o", "m", "--dims", "200", "--epochs", "200"]
    flags += ["--checkpoint-every", "0.05s", "--threads", "1"]
    status, rest = interrupt(flags, tmp_path, "epoch 3")
    assert status == 130
    assert "firth train --resume m" in rest
    done = run("neighbors", "m", "whale")
    assert (done.returncode, "--resume" in done.stderr) == (2, True)
    done = run("train", "--resume", "m", "--dims", "5")
    assert done.returncode == 2
    assert "without --dims" in done.stderr
    done = run("train", "--resume", "m", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 200
    assert run("neighbors", "m", "whale").returncode == 0


# ---- what is asked of vectors


def test_neighbors_are_of_the_same_topic(run, model: Path) -> None:
    done = run("neighbors", model, "whale", "cat", "--top", 3, "--json")
    whale, cat = lines_of(done.stdout)
    assert whale["word"] == "whale"
    assert len(whale["neighbors"]) == 3
    assert {n["word"] for n in whale["neighbors"]} <= {"ship", "sea", "sailor", "boat", "captain", "harpoon", "wave"}
    assert {n["word"] for n in cat["neighbors"]} <= {"dog", "house", "garden", "tree", "flower", "bird", "milk"}
    expected = firth.load(model).vectors.neighbors("whale", top=3)
    assert [(n["word"], n["similarity"]) for n in whale["neighbors"]] == [tuple(n) for n in expected]
    assert run("neighbors", model, "whale", "-n", 3).stdout.splitlines()[0] == "whale"


def test_words_from_a_pipe_go_on_after_an_unknown_one(run, model: Path) -> None:
    done = run("neighbors", model, "-n", 1, "--json", input="whale\n\nwale\ncat dog\n")
    assert [record["word"] for record in lines_of(done.stdout)] == ["whale", "cat", "dog"]
    assert "did you mean" in done.stderr
    assert done.returncode == 2


def test_the_prompt(monkeypatch: pytest.MonkeyPatch, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers word after word; an empty line ends."""
    from firth.cli.neighbors import neighbors

    asked = iter(["whale", "wale", "cat", "", "never asked"])
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda prompt: next(asked))
    neighbors.__wrapped__(VectorFile(model), top=2)  # type: ignore[attr-defined]
    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines() if not line.startswith(" ")] == ["whale", "cat"]
    assert "did you mean" in shown.err
    assert next(asked) == "never asked"


def test_analogy(run, model: Path) -> None:
    done = run("analogy", model, "whale", "ship", "cat", "--json", "-n", 2)
    record = json.loads(done.stdout)
    expected = firth.load(model).vectors.analogy("whale", "ship", "cat", top=2)
    assert [answer["word"] for answer in record["answers"]] == [n.word for n in expected]
    assert run("analogy", model, "whale", "ship", "cat", "--method", "multiply").returncode == 0


def test_evaluate(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "questions").write_text(": gram1-x\nwhale ship cat dog\nwhale ship cat unknownword\n")
    (tmp_path / "pairs").write_text("whale\tship\t9\nwhale\tcat\t1\ncat\tdog\t8\n")
    (tmp_path / "pairs2").write_text("whale\tship\t1\nwhale\tcat\t2\ncat\tunknownword\t8\n")
    done = run("evaluate", model, "--analogies", "questions", "--similarity", "pairs", "pairs2", "--json")
    record = json.loads(done.stdout)
    assert record["analogies"]["n_unknown"] == 1
    assert record["analogies"]["n_answered"] == 1
    assert [item["file"] for item in record["similarity"]] == ["pairs", "pairs2"]
    assert record["similarity"][0]["spearman"] > 0
    text = run("evaluate", model, "--analogies", "questions", "--sections", "--similarity", "pairs").stdout
    assert "gram1-x" in text
    assert "Spearman" in text


def test_info(run, model: Path) -> None:
    record = json.loads(run("info", model, "--json").stdout)
    assert (record["words"], record["dims"], record["training"]["epochs"]) == (16, 12, 3)
    assert len(record["history"]["epochs"]) == 3
    text = run("info", model).stdout
    assert "training.learning_rate" in text
    assert "epoch 3" in text


def test_convert_and_read_back(run, model: Path, tmp_path: Path) -> None:
    for name, extra in (("v.txt", ()), ("v.bin", ("--to", "word2vec-binary")), ("v.npz", ()), ("folder", ())):
        done = run("convert", model, name, *extra)
        assert (done.returncode, done.stdout) == (0, f"16 words x 12 dims written to {name}\n"), done.stderr
        info = json.loads(run("info", name, "--json").stdout)
        assert (info["words"], info["dims"]) == (16, 12)
        np.testing.assert_allclose(firth.read_vectors(tmp_path / name).matrix, firth.load(model).vectors.matrix)
        assert run("neighbors", name, "whale").returncode == 0
    done = run("convert", model, "v.txt")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert run("convert", model, "v.txt", "--overwrite", "--limit", 3).returncode == 0
    assert json.loads(run("info", "v.txt", "--json").stdout)["words"] == 3


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plot(run, model: Path, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"words.{ending}"
    done = run("plot", model, "whale", "cat", "--neighbors", 3, "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 1000
    assert run("plot", model, "whale", "cat", "-o", picture).returncode == 2


def test_words_that_are_integers(run, tmp_path: Path) -> None:
    lists = [[7, 11, 13], [7, 13, 17]] * 200
    firth.train(lists, output=tmp_path / "m", dims=4, min_count=1, progress=False)
    record = json.loads(run("neighbors", "m", "7", "--json", "-n", 1).stdout)
    assert record["word"] == 7
    assert record["neighbors"][0]["word"] in (11, 13, 17)
    done = run("neighbors", "m", "seven")
    assert done.returncode == 2
    assert "integers" in done.stderr


# ---- selfcheck


def test_selfcheck_proves_every_objective_on_every_instruction_set() -> None:
    done = invoke("selfcheck", "--json")
    assert done.exit_code == 0
    record = json.loads(done.output)
    assert record["ok"]
    assert record["instruction_sets"] == list(available_instruction_sets())
    proved = {(row["objective"], row["what"]) for row in record["results"]}
    for objective in OBJECTIVES.values():
        assert (objective.name, "reference") in proved
        for name in available_instruction_sets():
            assert {(objective.name, f"{name} float64"), (objective.name, f"{name} float32")} <= proved


def test_selfcheck_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.kernels.reference import update_unit

    def off_by_a_thousandth(*args, **kwargs):
        before = args[2].copy()
        loss = update_unit(*args, **kwargs)
        args[2][:] += 1e-3 * (args[2] - before)
        return loss

    monkeypatch.setattr("firth.kernels.proof.update_unit", off_by_a_thousandth)
    monkeypatch.setattr("firth.cli.selfcheck.FINITE_DIFFERENCE_CASES", ("one-word",))
    done = invoke("selfcheck")
    assert done.exit_code == 1
    assert "FAILED" in done.output
    assert "skipgram/negative-sampling" in done.output
