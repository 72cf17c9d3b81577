"""Prints the oldest versions of the dependencies that pyproject.toml admits, for ``pip install --constraint``.

Tests: tests/release/test_release.py.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("sklearn", "plot", "zstd", "transport")  # what users install; the tools of tests have their newest versions


def oldest_versions(project: str) -> list[str]:
    """Return ``name==version`` for each dependency in the text of pyproject.toml.

    Python 3.10 has no reader of TOML, so each list is found by its name.
    """
    lists = [re.search(rf"^{name} = \[([^\]]*)\]", project, re.MULTILINE) for name in ("dependencies", *EXTRAS)]
    found = [text for entry in lists if entry for text in re.findall(r'"([^"]+)"', entry[1])]
    versions = [re.fullmatch(r"([\w-]+)>=([\d.]+)", text) for text in found]
    if len(lists) != lists.count(None) + len(EXTRAS) + 1 or None in versions:
        raise SystemExit("each dependency in pyproject.toml must be written as name>=version")
    return [f"{entry[1]}=={entry[2]}" for entry in versions if entry]


if __name__ == "__main__":
    print("\n".join(oldest_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))))
