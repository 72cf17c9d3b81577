"""Runs a program with the import lines of some packages changed, and nothing else: gensim and fasttext to firth.compat.

Usage: python run_on_firth.py PACKAGES PROGRAM. PACKAGES are comma-separated; the program's own lines are changed too.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import re
import sys
import types
from pathlib import Path

REPLACED = ("gensim", "fasttext")
IMPORT_LINES = tuple(
    change
    for name in REPLACED
    for change in (
        (re.compile(rf"^(\s*)from {name}\b", re.M), rf"\1from firth.compat.{name}"),
        (re.compile(rf"^(\s*)import {name}\s*$", re.M), rf"\1import firth.compat.{name} as {name}"),
        (
            re.compile(rf"^(\s*)import {name}(\.[\w.]+)\s*$", re.M),
            rf"\1import firth.compat.{name}\2; import firth.compat.{name} as {name}",
        ),
    )
)


def change_imports(source: str) -> str:
    for pattern, replacement in IMPORT_LINES:
        source = pattern.sub(replacement, source)
    return source


class ChangedLoader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> types.CodeType:  # without the cached bytecode of the unchanged file
        path = self.get_filename(fullname)
        return compile(change_imports(Path(path).read_text(encoding="utf-8")), path, "exec")


class ChangingFinder(importlib.abc.MetaPathFinder):
    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] not in self.packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = ChangedLoader(fullname, spec.origin)
        return spec


if __name__ == "__main__":
    sys.meta_path.insert(0, ChangingFinder(sys.argv[1].split(",")))
    program = Path(sys.argv[2])
    code = compile(change_imports(program.read_text(encoding="utf-8")), str(program), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(program)})
