"""Room tests/corpus: memory while encoding does not grow with the text; Ctrl-C ends it within a second."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_MEASURE = """
import sys, threading, time, itertools
from firth.corpus import encode_corpus
def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024
start, peak, done = anonymous(), 0, threading.Event()
def sample():
    global peak
    while not done.wait(0.002):
        peak = max(peak, anonymous())
sampler = threading.Thread(target=sample)
sampler.start()
source = sys.argv[1]
if sys.argv[3] == "tokens":
    source = (line.split() for line in open(source) if len(line) < 1 << 20)  # longer ones are the caller's memory
encode_corpus(source, folder=sys.argv[2], threads=2)
done.set()
sampler.join()
print(peak - start)
"""
LIMIT_BYTES = 80 << 20  # the aim of the whole process besides matrices and vocabulary


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
@pytest.mark.parametrize(("kind", "n_copies"), [("file", 30), ("tokens", 3)])
def test_memory_is_bounded(tmp_path: Path, kind: str, n_copies: int) -> None:
    """A text of 500 MB with lines of 10 MB; 100,000 distinct words."""
    lines = [" ".join(f"word{(n * step) % 99_991}" for step in range(1, 2000)) for n in range(400)]
    lines.append(" ".join(f"word{n % 99_991}" for n in range(1_000_000)))
    part = "\n".join(lines).encode() + b"\n"
    with open(tmp_path / "text", "wb") as file:
        for _ in range(n_copies):
            file.write(part)
    command = [sys.executable, "-c", _MEASURE, tmp_path / "text", tmp_path / "out", kind]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown < LIMIT_BYTES, f"{grown / 2**20:.0f} MiB for a text of {len(part) * n_copies / 2**20:.0f} MiB"


_INTERRUPTED = """
import sys
from firth.corpus import encode_corpus
told = False
def progress(stage, done, total):
    global told
    if not told:
        print("begun", flush=True)
    told = True
source = sys.argv[1]
if sys.argv[3] == "tokens":
    source = (["a", "b"] for _ in iter(int, 1))
if sys.argv[3] == "stdin":
    print("begun", flush=True)
encode_corpus(source, folder=sys.argv[2], min_count=1, progress=progress)
"""


@pytest.mark.parametrize("kind", ["file", "tokens", "stdin"])
def test_ctrl_c_ends_it_within_a_second_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "text"
    source.write_bytes(b"a b c d e f\n" * 4_000_000 if kind == "file" else b"a")
    command = [sys.executable, "-c", _INTERRUPTED, "-" if kind == "stdin" else source, tmp_path / "out", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        if kind == "stdin":
            time.sleep(0.5)  # it waits for input now
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(20)
        elapsed_s = time.monotonic() - started
        assert process.stderr is not None
        error = process.stderr.read()
        assert b"KeyboardInterrupt" in error or (kind == "file" and not error)  # a file may be done by then
    assert elapsed_s < 2  # a second, and the end of a Python process on a busy machine
    assert not (tmp_path / "out").exists() or not error
