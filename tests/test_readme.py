"""The README's Python runs as it stands, its commands exist with their flags, and its links lead somewhere."""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup

from firth.cli.main import COMMANDS, load_command

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+?)(#[^)]*)?\)")
SEA = ["whale", "ship", "sea", "sailor", "boat", "captain", "harpoon", "wave"]
COURT = ["king", "queen", "man", "woman", "prince", "throne", "crown", "castle"]


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(README) if name == language]


def commands() -> list[list[str]]:
    """Every line of a console block after its ``$``, and the commands in the text; comments left out."""
    shown = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    inline = re.findall(r"`(firth [^`]+)`", README)
    return [shlex.split(line, comments=True) for line in [*shown, *inline]]


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.filterwarnings("error:the vectors have learned nothing")
def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    lines = [" ".join(draw.choices(draw.choice([SEA, COURT]), k=10)) for _ in range(500)]
    lines[:20] = [f"{line} moby dick" for line in lines[:20]]  # a phrase
    Path("corpus.txt").write_text("\n".join(lines), encoding="utf-8")
    examples = blocks("python")
    assert len(examples) >= 3
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), names)
    assert Path("model/config.json").exists()
    assert Path("vectors.txt").exists()
    history = names["items"].history  # type: ignore[attr-defined]
    assert [history.loss_nats[0], history.loss_nats[-1]] == pytest.approx([4.8, 2.8], abs=0.1)  # what the text says
    assert round(history.guessing_loss_nats, 2) == 4.85


def test_the_first_block_has_the_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    first = blocks("console")[0]
    for target in ("demo", "test"):
        assert f"$ make {target}" in first
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "firth"], ids=" ".join)
def test_a_command_exists_with_its_flags(words: list[str]) -> None:
    assert words[1] in COMMANDS
    command = load_command(words[1], COMMANDS[words[1]])
    if isinstance(command, TyperGroup):
        assert words[2] in command.commands, f"{words[2]} is no command of firth {words[1]}"
        command = command.commands[words[2]]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    for word in words[2:]:
        if word.startswith("-") and word != "-":
            assert word in known, f"{word} is no flag of firth {words[1]}"


def test_there_are_commands_to_try() -> None:
    assert {words[1] for words in commands() if words[0] == "firth"} >= {"train", "neighbors", "check", "selfcheck"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target, _ in LINK.findall(text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
