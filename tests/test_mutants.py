"""The mutants of `make mutants` still fit the sources and name tests that exist; running them is not for every day."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("firth_mutants", HERE / "mutants.py")
assert _SPEC is not None
assert _SPEC.loader is not None
mutants = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = mutants
_SPEC.loader.exec_module(mutants)


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_its_source_and_names_a_test(mutant) -> None:
    text = (HERE.parent / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.right) == 1, "the source has changed: write the fault anew in tests/mutants.py"
    assert mutant.right != mutant.wrong
    file, _, name = mutant.test.partition("::")
    assert f"def {name}(" in (HERE.parent / file).read_text(encoding="utf-8")


def test_there_are_at_least_a_dozen_in_both_languages() -> None:
    assert len(mutants.MUTANTS) >= 12
    assert {mutant.is_native for mutant in mutants.MUTANTS} == {True, False}
    assert len({mutant.name for mutant in mutants.MUTANTS}) == len(mutants.MUTANTS)
