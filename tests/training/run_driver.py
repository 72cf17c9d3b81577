"""A program for the tests: trains into a folder with checkpoints, and may be killed at a chosen call of the system.

    python run_driver.py CORPUS OUTPUT OPTIONS_AS_JSON          ("" for OUTPUT: none)

OPTIONS: arguments of firth.train, and
- "kill_at": K - SIGKILL to itself at the K-th call of os.fsync, os.replace or os.unlink made after training began
- "file_limit": N - no file may grow beyond N bytes once training has begun, as if the disk were full
Prints "training" when the first epoch's first report comes, "saved" when the model is saved.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

import firth
from firth.training.run import prepared


def _kill_at(number: int) -> None:
    left = number

    def counted(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


def main() -> None:
    corpus, output, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    kill_at, file_limit = options.pop("kill_at", None), options.pop("file_limit", None)
    train = prepared.PreparedRun.train

    def begin(*arguments: Any, **more: Any) -> Any:
        if kill_at is not None:
            _kill_at(kill_at)
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        print("training", flush=True)
        return train(*arguments, **more)

    prepared.PreparedRun.train = begin  # type: ignore[method-assign]
    firth.train(corpus, output=output or None, progress=False, **options)
    print("saved", flush=True)


if __name__ == "__main__":
    main()
