"""Room tests/native: the interpreter ends while a daemon thread is in a native call, and the process ends in order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import firth

CODE = """
import sys, threading, time
import firth
from firth.training.loop.callbacks import Callback
started = threading.Event()
class Started(Callback):
    def on_epoch_end(self, state):
        started.set()
lines = [[f"w{(7 * i * i + j * j) % 500}" for j in range(12)] for i in range(5000)]
options = dict(progress=False, epochs=100000, min_count=1, callbacks=[Started()], dims=64)
threading.Thread(target=lambda: firth.train(lines, **options, **eval(sys.argv[1])), daemon=True).start()
assert started.wait(60)
time.sleep(0.05)
"""


@pytest.mark.parametrize(
    "options",
    [
        {"deterministic": True, "threads": 2},
        {"threads": 2},
        {"threads": 1, "heldout": "20%", "heldout_every": "20kwords"},
    ],
)
def test_the_interpreter_ends_while_a_daemon_thread_trains(options: dict[str, object]) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CODE, repr(options)],
            env={**os.environ, "PYTHONPATH": str(Path(firth.__file__).parents[1])},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
