"""Room native: makes parameters.hpp, the parameters of TrainingConfig as a part of the native list of settings.

    python parameters.py kernels/config.py build/parameters.hpp

Run by CMake and by tests that call the compiler. The class is parsed and not imported, so nothing must be installed.
A field whose type has no width (``int``, ``int | None``) says what a corpus is made of: the core does not have it.

Tests: tests/native/test_settings.py.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

CLASS = "TrainingConfig"
NATIVE_TYPES = {"Int32": "int32_t", "UInt64": "uint64_t", "float": "double", "str": "int32_t", "bool": "int32_t"}
WITHOUT_WIDTH = "int"


def read_parameters(source: str) -> list[tuple[str, str]]:
    """C++ type and name of each parameter that the core has, in order.

    Raises
    ------
    ValueError
        There is no such class, or one of its fields has a type without a counterpart.
    """
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == CLASS]
    if len(classes) != 1:
        raise ValueError(f"the source must have one class {CLASS}, got {len(classes)}")
    parameters = []
    for field in classes[0].body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        kind = ast.unparse(field.annotation).removesuffix(" | None")
        if kind == WITHOUT_WIDTH:
            continue
        if kind not in NATIVE_TYPES:
            allowed = ", ".join([*NATIVE_TYPES, WITHOUT_WIDTH])
            raise ValueError(f"{CLASS}.{field.target.id} must have one of the types {allowed}, got {kind}")
        parameters.append((NATIVE_TYPES[kind], field.target.id))
    return parameters


def make_header(source: str) -> str:
    """The text of parameters.hpp for the source of kernels/config.py."""
    rows = [f"  FIELD({kind}, {name})" for kind, name in read_parameters(source)]
    head = f"// Made by parameters.py from {CLASS}: do not edit.\n#pragma once\n\n#include <cstdint>\n\n"
    return head + " \\\n".join(["#define FIRTH_PARAMETERS(FIELD)", *rows]) + "\n"


def write_header(config: Path, header: Path) -> None:
    """Write parameters.hpp; a file that has the text already stays as it is, so that nothing is compiled anew."""
    text = make_header(config.read_text(encoding="utf-8"))
    if not header.exists() or header.read_text(encoding="utf-8") != text:
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_header(Path(sys.argv[1]), Path(sys.argv[2]))
