"""Room checking: finds the functions to grade in a file, or the errors that prevent reading; child process only.

Some inputs crash a parser (a sum of thousands of terms, a notebook of nested brackets). So files are parsed under the
same limits as functions are run.

Tests: tests/checking/test_discovery.py.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from firth.checking.discovery import FoundFunction, describe_syntax_error, find_functions, split_units
from firth.checking.loader import parse_units
from firth.errors import ParameterError


def inspect_source(
    file: str, data: bytes, function: str | None, like: str | None, reference_names: Sequence[str] | None
) -> dict[str, Any]:
    """``errors``, and ``functions`` as (name, kind, certain); with a reference, only functions that it also defines."""
    try:
        units = split_units(file, data)
    except ParameterError as error:
        return {"errors": [str(error)], "functions": []}
    trees: list[ast.Module] = []
    errors = []
    for unit, tree in parse_units(units):
        if isinstance(tree, ast.Module):
            trees.append(tree)
        else:
            errors.append(describe_syntax_error(unit, tree))
    if reference_names is None:
        found = find_functions(trees, function=function, like=like)
    else:
        found = _find_in_reference(trees, function, reference_names)
    return {"errors": errors, "functions": [(item.name, item.kind, item.certain) for item in found]}


def _find_in_reference(trees: Sequence[ast.Module], function: str | None, names: Sequence[str]) -> list[FoundFunction]:
    kinds = {item.name: item.kind for item in find_functions(trees)}
    defined = {node.name: node.lineno for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    chosen = [function] if function is not None else list(defined)
    return [
        FoundFunction(name, kinds.get(name, "function"), defined[name])
        for name in chosen
        if name in defined and name in names
    ]
