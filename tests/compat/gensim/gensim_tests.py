"""Runs a test module of the installed gensim with firth.compat.gensim in place of gensim's own models.

The module's source is read from the installed package and compiled with its imports replaced; nothing of it is copied
into this project. What the tests take from ``gensim.test.utils`` and ``gensim.utils`` (their data, temporary files)
stays gensim's.
"""

from __future__ import annotations

import importlib.util
import types
import unittest
from collections.abc import Iterator
from pathlib import Path

import firth.compat.gensim

REPLACED = {
    "from gensim.models import word2vec, keyedvectors": "from firth.compat.gensim.models import word2vec, keyedvectors",
    "from gensim.models.keyedvectors import": "from firth.compat.gensim.models.keyedvectors import",
    "from gensim.models.phrases import": "from firth.compat.gensim.models.phrases import",
    "import gensim.models.keyedvectors": "import gensim.test.utils",
}


class Namespace(types.SimpleNamespace):
    """What the tests see as ``gensim``: firth's models, gensim's own utilities."""


def load_test_module(name: str) -> types.ModuleType:
    """``gensim.test.<name>`` on firth's classes."""
    import gensim.test.utils
    import gensim.utils

    spec = importlib.util.find_spec(f"gensim.test.{name}")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    n_replaced = 0
    for old, new in REPLACED.items():
        n_replaced += source.count(old)
        source = source.replace(old, new)
    assert n_replaced, "nothing was replaced: gensim's own classes would be tested"
    module = types.ModuleType(f"gensim_{name}_on_firth")
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    if "gensim" in module.__dict__:
        module.__dict__["gensim"] = Namespace(models=firth.compat.gensim.models, utils=gensim.utils, test=gensim.test)
    return module


def find_tests(module: types.ModuleType) -> Iterator[unittest.TestCase]:
    """Every test of the module, one by one."""

    def walk(suite: unittest.TestSuite | unittest.TestCase) -> Iterator[unittest.TestCase]:
        if isinstance(suite, unittest.TestSuite):
            for part in suite:
                yield from walk(part)
        else:
            yield suite

    yield from walk(unittest.defaultTestLoader.loadTestsFromModule(module))


def run_test(test: unittest.TestCase) -> tuple[str, str]:
    """``"passed"``, ``"skipped"`` or ``"failed"``, and the last line of what went wrong."""
    result = unittest.TestResult()
    test.run(result)
    if result.skipped:
        return "skipped", result.skipped[0][1]
    problems = [text for _, text in [*result.failures, *result.errors]]
    if problems:
        return "failed", problems[0].strip().splitlines()[-1]
    return "passed", ""
