"""The native settings: the table that the library exports is what Python fills; each mismatch names its field."""

from __future__ import annotations

import ctypes
import dataclasses
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from firth.errors import NativeError
from firth.kernels.config import CHOICE_NAMES, TrainingConfig, choices_of, native_types
from firth.kernels.registry import OBJECTIVES
from firth.kernels.settings import find_side, open_kernel
from firth.native.kernel import Kernel
from firth.native.loader import available_instruction_sets
from firth.native.settings import Field, RowMatrix, Settings, SettingsTable, make_structure

TABLE = Kernel().table
FIELDS = list(TABLE.fields.values())
SIZE = ctypes.sizeof(TABLE.structure)
PACKAGE = Path(__file__).parents[2] / "src" / "firth"
CONFIG = PACKAGE / "kernels" / "config.py"
parameters = SimpleNamespace(**runpy.run_path(str(PACKAGE / "native" / "cpp" / "model" / "parameters.py")))


def values(**changes: Any) -> dict[str, Any]:
    """A value for every field: null arrays and zeros."""
    empty = {field.name: None if field.type.endswith("*") else 0 for field in FIELDS}
    return {**empty, **changes}


def test_every_library_has_the_parameters() -> None:
    for instruction_set in available_instruction_sets():
        open_kernel(instruction_set)


def test_the_parameters_come_first_and_are_those_with_a_width() -> None:
    named = [field.name for field in dataclasses.fields(TrainingConfig)]
    assert [field.name for field in FIELDS][: len(native_types())] == list(native_types())
    without_width = {"min_count", "max_vocabulary", "min_ngram", "max_ngram", "buckets"}
    assert set(named) - set(native_types()) == without_width


def test_values_arrive_where_the_table_says() -> None:
    ids = np.arange(3, dtype=np.int32)
    settings = Settings(TABLE, values(ids=ids, seed=2**64 - 1, learning_rate=0.5, dims=-7))
    memory = bytes(settings.struct)
    for name, kind, expected in (
        ("ids", np.uint64, ids.ctypes.data), ("seed", np.uint64, 2**64 - 1), ("learning_rate", np.float64, 0.5),
        ("dims", np.int32, -7),
    ):  # fmt: skip
        field = TABLE.fields[name]
        assert np.frombuffer(memory[field.offset : field.offset + field.size], kind)[0] == expected
    assert settings.replace(dims=9).struct.dims == 9
    assert settings.dims == settings.struct.dims == -7


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("window", {"offset": 1000}, "the field window of the native settings is at byte 1000 with 4 bytes in the"),
        ("window", {"size": 8}, "the field window of the native settings is at byte .* with 8 bytes in the library"),
        ("ids", {"type": "int16*"}, r"the field ids of the native settings has the type int16\*, which this Python"),
    ],
)
def test_another_layout_is_refused(field: str, change: dict[str, Any], message: str) -> None:
    fields = [dataclasses.replace(one, **change) if one.name == field else one for one in FIELDS]
    with pytest.raises(NativeError, match=f"^{message}"):
        make_structure(fields, SIZE)


def test_another_order_and_a_field_more_are_refused() -> None:
    swapped = [FIELDS[1], FIELDS[0], *FIELDS[2:]]
    with pytest.raises(NativeError, match=f"^the field {FIELDS[1].name} of the native settings is at byte"):
        make_structure(swapped, SIZE)
    with pytest.raises(NativeError, match=r"^the native settings have \d+ bytes in the library and \d+ in Python"):
        make_structure([*FIELDS, Field("more", "int64", SIZE, 8)], SIZE)


def test_a_parameter_of_another_type_or_without_a_field_is_named() -> None:
    choices = {name: choices_of(name) for name in TABLE.choices}
    with pytest.raises(NativeError, match="^the field epochs has the type int32 in the native library and float64 in"):
        TABLE.validate_parameters({**native_types(), "epochs": "float64"}, choices)
    with pytest.raises(NativeError, match="^the native library has no field for the parameter momentum"):
        TABLE.validate_parameters({**native_types(), "momentum": "float64"}, choices)


def test_words_in_another_order_are_named() -> None:
    choices = {name: choices_of(name) for name in TABLE.choices}
    choices["window_side"] = ("left", "both", "right")
    with pytest.raises(NativeError, match=r"^the words of window_side are \{'both': 0, 'left': 1, 'right': 2\} in the"):
        TABLE.validate_parameters(native_types(), choices)
    assert set(TABLE.choices) == set(CHOICE_NAMES) - {"architecture", "loss"}


def test_a_field_without_a_value_and_a_value_without_a_field_are_named() -> None:
    given = values()
    del given["noise"]
    with pytest.raises(NativeError, match="^the field noise of the native settings has no value"):
        Settings(TABLE, given)
    with pytest.raises(NativeError, match="^the native library has no field n_documents of the settings"):
        Settings(TABLE, values(n_documents=3))


def test_a_matrix_is_the_value_of_its_fields() -> None:
    """Rows are not words: the two matrices have each its number of rows, which are not the targets' either."""
    given = {name: value for name, value in values().items() if "." not in name}
    matrices = {
        "input": RowMatrix(np.zeros((7, 16), np.float32), np.ones(7, np.uint8)),
        "output": RowMatrix(np.zeros((4, 32), np.float32), touches=np.ones(4, np.float32), touches_from_last=True),
    }
    settings = Settings(TABLE, {**given, **matrices, "n_targets": 5})
    found = {name: getattr(settings.struct, name) for name in TABLE.fields if "." in name or name == "n_targets"}
    assert found == {
        "input.rows": matrices["input"].rows.ctypes.data, "input.n_rows": 7, "input.stride": 16,
        "input.frozen": matrices["input"].frozen.ctypes.data, "input.touches": None, "input.touches_from_last": 0,
        "output.rows": matrices["output"].rows.ctypes.data, "output.n_rows": 4, "output.stride": 32,
        "output.frozen": None, "output.touches": matrices["output"].touches.ctypes.data,
        "output.touches_from_last": 1, "n_targets": 5,
    }  # fmt: skip
    assert settings.input is matrices["input"]


@pytest.mark.parametrize("name", ["frozen", "touches"])
def test_a_matrix_has_a_value_for_each_row(name: str) -> None:
    with pytest.raises(
        NativeError, match=rf"^{name} of a matrix must have a value for each of its 7 rows, got .*\(6,\)"
    ):
        RowMatrix(np.zeros((7, 16), np.float32), **{name: np.zeros(6, np.uint8)})


@pytest.mark.parametrize("array", [np.zeros(4, np.int64), np.zeros(8, np.int32)[::2], np.zeros(4, np.float32)])
def test_an_array_of_another_type_is_refused(array: Any) -> None:
    with pytest.raises(NativeError, match=re.escape("the field ids must be a C-contiguous array of type int32*, got")):
        Settings(TABLE, values(ids=array))


def test_settings_are_not_written_to() -> None:
    settings = Settings(TABLE, values())
    with pytest.raises(AttributeError, match="dims"):
        settings.dims = 3  # type: ignore[misc]


def test_sides_answer_natively_what_they_answer_in_python() -> None:
    kernel = open_kernel()
    for (architecture, loss), objective in OBJECTIVES.items():
        config = TrainingConfig(architecture=architecture, loss=loss)
        assert list(kernel.table.sides["architecture"])[find_side(kernel, config, "architecture")] == architecture
        assert list(kernel.table.sides["loss"])[find_side(kernel, config, "loss")] == loss
        assert config.objective is objective


def test_a_side_that_answers_otherwise_is_named() -> None:
    with pytest.raises(
        NativeError, match="^stretch_tokens of architecture='cbow' is 128 in the native library and 64 in"
    ):
        TABLE.find_side("architecture", "cbow", {"stretch_tokens": 64})
    with pytest.raises(
        NativeError, match="^loss must be one of the native library's sides negative-sampling, .*'hinge'"
    ):
        TABLE.find_side("loss", "hinge", {})


def test_the_table_is_read_once() -> None:
    assert SettingsTable.of(Kernel()._library) is TABLE


# ---- the list of parameters


def test_the_header_lists_the_parameters() -> None:
    rows = parameters.read_parameters(CONFIG.read_text(encoding="utf-8"))
    assert [name for _, name in rows] == list(native_types())
    assert ("uint64_t", "seed") in rows
    header = parameters.make_header(CONFIG.read_text(encoding="utf-8"))
    assert "  FIELD(double, learning_rate) \\\n" in header
    assert not header.rstrip().endswith("\\")


def test_a_field_of_an_unknown_type_is_refused() -> None:
    source = "class TrainingConfig:\n    words: list[str] = parameter(None)\n"
    with pytest.raises(
        ValueError, match=r"^TrainingConfig\.words must have one of the types Int32, .*, got list\[str\]"
    ):
        parameters.read_parameters(source)
    with pytest.raises(ValueError, match="^the source must have one class TrainingConfig, got 0"):
        parameters.read_parameters("x = 1")


def test_a_header_that_is_right_stays_untouched(tmp_path: Path) -> None:
    header = tmp_path / "generated" / "parameters.hpp"
    parameters.write_header(CONFIG, header)
    written = header.stat().st_mtime_ns
    parameters.write_header(CONFIG, header)
    assert header.stat().st_mtime_ns == written
