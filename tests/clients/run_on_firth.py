"""Runs a program with the import lines of some packages changed from gensim to firth.compat.gensim, and nothing else.

Usage: python run_on_firth.py PACKAGES PROGRAM. PACKAGES are comma-separated; the program's own lines are changed too.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import re
import sys
import types
from pathlib import Path

IMPORT_LINES = (
    (re.compile(r"^(\s*)from gensim\b", re.M), r"\1from firth.compat.gensim"),
    (re.compile(r"^(\s*)import gensim\s*$", re.M), r"\1import firth.compat.gensim as gensim"),
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
