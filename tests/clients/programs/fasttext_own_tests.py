"""fastText's own unit tests: its class of tests, by the function that makes them; all 83 must pass."""

from __future__ import annotations

import importlib
import random
import sys
import types
import unittest

import firth.compat.fasttext

# Its tests import a module of settings, which names no function of fastText, by a line that is changed too.
settings = types.ModuleType("firth.compat.fasttext.tests.test_configurations")
settings.get_supervised_models = list  # of the tests that need data
sys.modules["firth.compat.fasttext.tests"] = types.ModuleType("firth.compat.fasttext.tests")
sys.modules[settings.__name__] = settings

sys.modules["fasttext"] = package = types.ModuleType("fasttext")  # the package itself would load its compiled part
spec = importlib.machinery.PathFinder.find_spec("fasttext")
assert spec is not None
package.__path__ = list(spec.submodule_search_locations or [])
tests = types.ModuleType("fasttext.tests")
tests.__path__ = [f"{package.__path__[0]}/tests"]
sys.modules["fasttext.tests"] = tests

test_script = importlib.import_module("fasttext.tests.test_script")
assert test_script.fasttext is firth.compat.fasttext

random.seed(1)
suite = unittest.TestLoader().loadTestsFromTestCase(test_script.gen_unit_tests(verbose=0))
result = unittest.TextTestRunner(verbosity=1).run(suite)
assert result.testsRun == 83
assert result.wasSuccessful()
