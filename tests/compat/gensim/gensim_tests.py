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
from typing import Any

import firth.compat.gensim

REPLACED = {
    "from gensim.models import word2vec, keyedvectors": "from firth.compat.gensim.models import word2vec, keyedvectors",
    "from gensim.models.keyedvectors import": "from firth.compat.gensim.models.keyedvectors import",
    "from gensim.models.phrases import": "from firth.compat.gensim.models.phrases import",
    "from gensim.models import doc2vec, keyedvectors": "from firth.compat.gensim.models import doc2vec, keyedvectors",
    "from gensim.corpora import Dictionary": "from firth.compat.gensim.corpora import Dictionary",
    "import gensim.models.keyedvectors": "import gensim.test.utils",
    "from gensim.models.word2vec import LineSentence": "from firth.compat.gensim.models.word2vec import LineSentence",
    "from gensim.models.fasttext import FastText as FT_gensim, FastTextKeyedVectors, _unpack": (
        "from firth.compat.gensim.models.fasttext import FastText as FT_gensim, FastTextKeyedVectors"
    ),
    "from gensim.models.fasttext_inner import": "from firth.compat.gensim.models.fasttext_inner import",
    "import gensim.models._fasttext_bin": "import gensim.test.utils",
    "import gensim.models.fasttext": "import gensim.test.utils",
}


class Namespace(types.SimpleNamespace):
    """What the tests see as ``gensim``: firth's models, gensim's own utilities."""


def load_test_module(name: str) -> types.ModuleType:
    """``gensim.test.<name>`` on firth's classes."""
    import gensim.matutils
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
        theirs = {"utils": gensim.utils, "test": gensim.test, "matutils": gensim.matutils}
        module.__dict__["gensim"] = Namespace(models=firth.compat.gensim.models, **theirs)
    return module


def find_tests(module: types.ModuleType) -> Iterator[unittest.TestCase]:
    """Every test of the module, one by one: those of its classes, and its functions for each of their parameters."""

    def walk(suite: unittest.TestSuite | unittest.TestCase) -> Iterator[unittest.TestCase]:
        if isinstance(suite, unittest.TestSuite):
            for part in suite:
                yield from walk(part)
        elif type(suite).__module__ == module.__name__:  # not a class that the module imported
            yield suite

    yield from walk(unittest.defaultTestLoader.loadTestsFromModule(module))
    for name, function in vars(module).items():
        if name.startswith("test_") and isinstance(function, types.FunctionType):
            for values in parameters_of(function):
                yield FunctionCase(name, function, values)


def parameters_of(function: Any) -> list[dict[str, Any]]:
    """The arguments of each call that pytest would make; one call without arguments if there are no parameters."""
    calls: list[dict[str, Any]] = [{}]
    for mark in getattr(function, "pytestmark", []):
        assert mark.name == "parametrize", f"an unknown mark: {mark}"
        name, values = mark.args
        calls = [{**call, name: value} for call in calls for value in values]
    return calls


class FunctionCase(unittest.TestCase):
    """A test function with its arguments as a test case."""

    def __init__(self, name: str, function: Any, values: dict[str, Any]) -> None:
        super().__init__("run_function")
        self._name = ".".join([name, *(str(value) for value in values.values())])
        self._function, self._values = function, values

    def run_function(self) -> None:
        self._function(**self._values)

    def id(self) -> str:
        return self._name


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
