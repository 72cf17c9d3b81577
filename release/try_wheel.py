"""Installs a wheel in a new environment, measures the time to the first neighbours, proves the kernels, runs examples.

``python release/try_wheel.py dist/firth-...whl`` leaves nothing behind. Dependencies are downloaded before the clock
starts. The text is made of random words, so the time does not depend on a corpus that someone must have.

Tests: tests/release/test_release.py makes the text; the rest needs a wheel and the network, and runs in wheels.yml.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT_BYTES = 1_000_000
TEST_TOOLS = ("pytest", "pytest-timeout", "hypothesis")


def make_text(n_bytes: int, seed: int = 0) -> str:
    """Return a text of about this size: lines of words on a few hundred topics, with frequencies like a language's."""
    draw = random.Random(seed)
    topics = [[f"word{topic}x{rank}" for rank in range(40)] for topic in range(300)]
    weights = [1 / (rank + 1) for rank in range(40)]
    lines: list[str] = []
    size = 0
    while size < n_bytes:
        lines.append(" ".join(draw.choices(draw.choice(topics), weights, k=20)))
        size += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "FIRTH"))}

        def run(*command: str | Path, quiet: bool = False) -> float:
            begin = time.perf_counter()
            output = subprocess.DEVNULL if quiet else None
            subprocess.run([str(part) for part in command], cwd=folder, env=environment, stdout=output, check=True)
            return time.perf_counter() - begin

        venv.create(folder / "venv", with_pip=True)
        python, firth = folder / "venv" / "bin" / "python", folder / "venv" / "bin" / "firth"
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "download", "--only-binary", ":all:", "--dest", folder / "downloads", wheel)
        (folder / "text.txt").write_text(make_text(TEXT_BYTES), encoding="utf-8")
        steps = {
            "install": (*pip, "install", "--no-index", "--find-links", folder / "downloads", wheel),
            "train": (firth, "train", "text.txt", "-o", "model", "--quiet"),
            "neighbours": (firth, "neighbors", "model", "word7x0"),
        }
        seconds = {step: run(*command) for step, command in steps.items()}
        told = ", ".join(f"{step} {taken:.1f} s" for step, taken in seconds.items())
        print(f"from pip install to the first neighbours: {sum(seconds.values()):.1f} s ({told})")
        run(firth, "selfcheck")
        run(*pip, "install", "--only-binary", ":all:", *TEST_TOOLS)
        run(python, "-m", "pytest", "--rootdir", ROOT, ROOT / "tests" / "test_readme.py")
        print(f"{wheel.name}: installed, proved, README's examples run")


if __name__ == "__main__":
    sys.exit(main())
