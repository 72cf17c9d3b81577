"""Writes kernels/parameters.py, the parameters of TrainingConfig as type checkers and editors read them.

    python tests/kernels/write_parameters.py

`make format` runs it. test_parameters.py compares the file with TrainingConfig.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from firth.kernels import config

PATH = Path(config.__file__).with_name("parameters.py")
HEAD = '''"""Room kernels: the parameters of TrainingConfig as keyword arguments, for type checkers and editors.

`make format` writes this file (tests/kernels/write_parameters.py): edit kernels/config.py instead.
"""

from __future__ import annotations

from typing import TypedDict


class TrainingParameters(TypedDict, total=False):
    """The keyword arguments of ``firth.train`` that say what is learned; ``firth.TrainingConfig`` documents them."""
'''


def make_text() -> str:
    """The text of the file: a key and its line of help for each field of TrainingConfig."""
    fields = dataclasses.fields(config.TrainingConfig)
    keys = [f'\n    {field.name}: {plain_type(str(field.type))}\n    """{help_of(field.name)}"""\n' for field in fields]
    return HEAD + "".join(keys)


def plain_type(annotation: str) -> str:
    """The annotation of a field without the names of widths: ``Int32 | None`` is ``int | None``."""
    names = annotation.split(" | ")
    return " | ".join(getattr(config, name).__name__ if hasattr(config, name) else name for name in names)


def help_of(name: str) -> str:
    """The line of help as a sentence."""
    text = config.PARAMETER_HELP[name]
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    PATH.write_text(make_text(), encoding="utf-8")
