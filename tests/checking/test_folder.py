"""The folder that other people's functions run in: empty, marked as firth's, gone in the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from firth.base.owned import read_mark
from firth.checking.discovery import FoundFunction
from firth.checking.process import CheckingProcess, Limits, SourceFile

SOURCE = """
import os
import numpy as np

def softmax(x):
    open("written.txt", "w").close()
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
"""


def test_the_folder_is_marked_and_deleted_with_what_the_function_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with CheckingProcess(Limits()) as process:
        process.grade(
            SourceFile(tmp_path / "softmax.py", SOURCE.encode()), FoundFunction("softmax", "softmax", certain=True)
        )
        (folder,) = tmp_path.iterdir()
        assert read_mark(folder) is not None
        left = {path.name for path in (folder / "empty").rglob("*") if path.is_file()}
        assert left <= {"written.txt"}
    assert not list(tmp_path.iterdir())
