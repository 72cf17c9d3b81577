"""Wrong calls of every command: refused before any work, in the words of the command line, with flags that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup

import firth
from firth.cli.main import COMMANDS, load_command

CALLS = """
train nofile -o new
train text -o text
train text -o new --heldout nofile
train text -o new --initial-vectors nofile
train text -o new --vocabulary nofile
train text -o new --phrases nofile
train text -o new --sequence-weights nofile
train text -o new --dims 0
train text -o new --min-count 1000
train text -o new --freeze
train text -o new --patience 2
train text -o new --heldout-every 10Mwords
train text -o new --checkpoint-every 10
train text -o model
neighbors nofile north
neighbors model nowhere
neighbors model north -n 0
neighbors text north
analogy model north south nowhere
evaluate model
evaluate model --analogies nofile
evaluate model --similarity text
info nofile
convert model new.unknown
convert model text
convert nofile new.npz
plot model north -o new.unknown
plot model nowhere -o new.png
classify predict nofile labelled
classify predict topics nofile
classify predict topics labelled -o text
classify predict topics labelled -k 0
classify predict topics labelled --threshold 2
classify predict topics labelled --text-column text
classify predict topics
classify evaluate topics nofile
classify evaluate topics text
classify evaluate topics labelled --picture new.unknown
classify evaluate topics labelled -k 0
classify train
classify train labelled
classify train nofile -o new
classify train text -o new
classify train labelled -o topics
classify train labelled -o new --heldout nofile
classify train labelled -o new --hidden 5
classify train labelled -o new --initial-vectors nofile
classify train labelled -o new --vectors nofile
classify train labelled -o new --vectors model --dims 5
classify train labelled -o new --loss unknown
classify quantize topics -o text
classify quantize topics -o new --epochs 3
classify quantize topics -o new --retrain labelled
classify quantize topics -o new --cutoff 5 --retrain nofile
classify quantize topics -o new --part-dims 0
phrases nofile -o new
phrases text
phrases text --table nofile --join new
phrases text --table text --join new
phrases text -o new --scoring npmi --threshold 3
phrases text -o new --passes 0
check nofile.py
clean nofile
"""


@pytest.fixture
def files(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("north south east west\n" * 50)
    firth.train(text, output=tmp_path / "model", dims=4, subsample=0, epochs=1, progress=False)
    (tmp_path / "labelled").write_text("__label__a sweet pie\n__label__b fast car\n" * 20)
    firth.train_classifier(tmp_path / "labelled", output=tmp_path / "topics", dims=4, epochs=1, progress=False)


def flags_of(words: list[str]) -> set[str]:
    command = load_command(words[0], COMMANDS[words[0]])
    if isinstance(command, TyperGroup):
        command = command.commands[words[1]]
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.filterwarnings("ignore::firth.NothingLearnedWarning")
def test_a_wrong_call_is_refused_with_flags_of_its_command(run, files: None, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    faults = []
    for call in CALLS.strip().splitlines():
        words = shlex.split(call)
        done = run(*words)
        message = re.sub(r"`[^`]*`|'[^']*'", "", done.stderr)  # without other commands and values
        if done.returncode != 2 or not done.stderr.startswith("Error: "):  # "... words read" first: counted in vain
            faults.append((call, done.returncode, done.stderr))
        elif re.search(r"\b[a-z]+=", message) or not set(re.findall(r"--[a-z][a-z-]+", message)) <= flags_of(words):
            faults.append((call, done.stderr))
        elif sorted(tmp_path.rglob("*")) != before:
            faults.append((call, "leaves files"))
            before = sorted(tmp_path.rglob("*"))
    assert faults == []
