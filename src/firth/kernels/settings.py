"""Room kernels: fills the native settings: every parameter of TrainingConfig under its name, and the values of a run.

Tests: tests/native/test_settings.py.
"""

from __future__ import annotations

from typing import Any

from firth.kernels.config import CHOICE_NAMES, TrainingConfig, choices_of, native_types
from firth.native.kernel import Kernel
from firth.native.settings import Settings

_USUAL: dict[str, Any] = {  # where a run does not say otherwise: words are rows, and sequences have no tags
    "input_keep_thresholds": None,
    "bag_offsets": None,
    "bag_rows": None,
    "bag_step": 1.0,
    "tag_offsets": None,
    "tag_rows": None,
    "tags_with_words": 0,
}
_SIDES = ("architecture", "loss")  # their codes come from the library's list of sides


def open_kernel(instruction_set: str | None = None) -> Kernel:
    """The native kernel of an instruction set; None: the instruction set that the process chose.

    Raises
    ------
    NativeError
        A parameter has no native field or a field of another type, or the native code of a word differs.
    """
    kernel = Kernel(instruction_set)
    kernel.table.validate_parameters(
        native_types(), {name: choices_of(name) for name in CHOICE_NAMES if name not in _SIDES}
    )
    return kernel


def parameter_values(kernel: Kernel, config: TrainingConfig) -> dict[str, Any]:
    """Every parameter of the native core in its native form: a word as its code, a bool as 0 or 1."""
    values: dict[str, Any] = {}
    for name in native_types():
        value = getattr(config, name)
        if name in _SIDES:
            value = find_side(kernel, config, name)
        elif name in CHOICE_NAMES:
            value = choices_of(name).index(value)
        values[name] = int(value) if isinstance(value, bool) else value
    return values


def find_side(kernel: Kernel, config: TrainingConfig, name: str) -> int:
    """The library's code of the configuration's architecture or loss.

    Raises
    ------
    NativeError
        The library lacks the side, or a property of the native side differs from the registered side.
    """
    inputs, outputs = config.objective.inputs, config.objective.outputs
    answers = {
        "architecture": {
            "stretch_tokens": inputs.stretch_tokens,
            "noise_sets": inputs.noise_sets,
            "joined_windows": inputs.joined_windows,
            "takes_parts": int(inputs.takes_parts),
        },
        "loss": {"draws_negatives": int(outputs.draws_negatives)},
    }
    return kernel.table.find_side(name, getattr(config, name), answers[name])


def make_settings(kernel: Kernel, config: TrainingConfig, *, source: str, **run: Any) -> Settings:
    """The native settings of a resolved configuration and of the other values of a run (native/cpp/model/settings.hpp).

    Parameters
    ----------
    source : str
        The name of the source of examples.

    Raises
    ------
    NativeError
        A field has no value or a value of another type, or the library lacks a side or the source.
    """
    code = kernel.table.find_source(source)
    values = parameter_values(kernel, config) | {"source": code, "noise_seed": config.seed}
    return Settings(kernel.table, {**values, **_USUAL, **run})
