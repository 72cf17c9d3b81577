"""docs/derivation.md: every function and every test that it names exists, and every public function is named."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from firth import numerics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "derivation.md").read_text(encoding="utf-8")
FUNCTIONS = sorted(set(re.findall(r"`(firth\.[\w.]+)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
# What computes no formula of its own.
NOT_DERIVED = {
    "AliasTable",
    "Diagnosis",
    "GradientReport",
    "HuffmanTree",
    "diagnose_block",
    "diagnose_gradient",
    "sigmoid_forward",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_exist(name) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_tests_exist(path, name) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_names_enough() -> None:
    assert len(FUNCTIONS) > 20
    assert len(TESTS) > 30


def test_every_public_function_is_derived() -> None:
    derived = {name.rpartition(".")[2] for name in FUNCTIONS}
    assert set(numerics.__all__) - derived - NOT_DERIVED == set()


def test_every_section_names_a_test() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]
    for section in sections:
        assert "*Test" in section, section.splitlines()[0]
