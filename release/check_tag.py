"""Ends with an error unless a tag is ``v`` and firth's version: ``python release/check_tag.py v0.2.0``.

CHANGELOG.md must have a heading of this version too, because a release without its changes tells its users nothing.

Tests: tests/release/test_release.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def faults_of_tag(tag: str, version: str, changelog: str) -> list[str]:
    """Return a sentence for each reason not to release this tag."""
    faults = []
    if tag != f"v{version}":
        faults.append(f"the tag must be v{version}, the version in src/firth/_version.py, got {tag}")
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE):
        faults.append(f"CHANGELOG.md must have a heading `## [{version}]`, got none")
    return faults


def read_version() -> str:
    """Return the version in src/firth/_version.py."""
    text = (ROOT / "src" / "firth" / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_tag.py TAG")
    if faults := faults_of_tag(sys.argv[1], read_version(), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        sys.exit("\n".join(faults))
