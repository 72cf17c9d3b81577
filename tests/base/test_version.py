"""The version is written once: the package, the metadata and saved models show the same one."""

from __future__ import annotations

import re
from pathlib import Path

import firth
from firth._version import __version__
from firth.models.model import Model

ROOT = Path(__file__).parents[2]


def test_the_version_is_written_once() -> None:
    assert firth.__version__ == __version__ == Model.firth_version
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version\s*=", project, re.MULTILINE)
    assert 'input = "src/firth/_version.py"' in project
