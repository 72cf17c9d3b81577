"""Type checkers know the parameters of training: the list that is written for them, and what mypy says of programs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_type_hints

import pytest
from mypy import api
from write_parameters import PATH, make_text

from firth.kernels import config
from firth.kernels.parameters import TrainingParameters

ROOT = Path(__file__).parents[2]

# Each line is a mistake but those that end with "fine".
PROGRAM = """\
import firth
from firth.estimators import SequenceEmbedder

lines = [["a", "b"], ["b", "a"]]
model = firth.train(lines, dims=50, learning_rate=None, output="model", deterministic=True)  # fine
firth.train(lines, vector_size=50)
firth.train(lines, dims="fifty")
firth.train(lines, epochs=None)
firth.train(lines, overwrite="yes")
model.train_more(lines, epochs=3, freeze=["a"], learning_rate=0.01)  # fine
model.train_more(lines, alpha=0.01)
model.train_more(lines, epochs="three")
SequenceEmbedder(50, window=3, learning_rate=None)  # fine
SequenceEmbedder(vector_size=50)
SequenceEmbedder(dims="fifty")
more: str = firth.train(lines)
"""


def test_the_list_for_type_checkers_is_the_fields_of_the_config() -> None:
    hints = get_type_hints(config.TrainingConfig)
    assert get_type_hints(TrainingParameters) == {
        field.name: hints[field.name] for field in dataclasses.fields(config.TrainingConfig)
    }
    assert TrainingParameters.__required_keys__ == frozenset()


def test_the_file_is_as_make_format_writes_it() -> None:
    assert PATH.read_text(encoding="utf-8") == make_text(), "run `make format`"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What mypy says of each line of the program that it refuses."""
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the settings and the cache of `make lint`, which has read most of the files
        said, errors, _ = api.run([str(program)])
    assert errors == ""
    return {int(found[1]): found[2] for found in re.finditer(r"program\.py:(\d+): error: (.*)$", said, re.MULTILINE)}


def test_mypy_refuses_each_wrong_line_and_no_other(complaints: dict[int, str]) -> None:
    lines = PROGRAM.splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if number > 5 and not line.endswith("# fine")]
    assert sorted(complaints) == wrong


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("firth.train(lines, vector_size=50)", 'Unexpected keyword argument "vector_size" for "train"'),
        ("firth.train(lines, dims=", 'Argument "dims" to "train" has incompatible type "str"; expected "int"'),
        ("model.train_more(lines, alpha=", 'Unexpected keyword argument "alpha" for "train_more" of "Model"'),
        ("SequenceEmbedder(vector_size=", 'Unexpected keyword argument "vector_size" for "SequenceEmbedder"'),
        ("more: str = firth.train", 'Incompatible types in assignment (expression has type "Model"'),
    ],
)
def test_mypy_names_the_mistake(complaints: dict[int, str], call: str, complaint: str) -> None:
    (number,) = (number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.startswith(call))
    assert complaints[number].startswith(complaint)
