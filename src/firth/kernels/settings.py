"""Room kernels: fills the native settings: every parameter of TrainingConfig under its name, and what a run adds.

Tests: tests/native/test_settings.py.
"""

from __future__ import annotations

from typing import Any

from firth.kernels.config import CHOICE_NAMES, TrainingConfig, choices_of, native_types
from firth.native.kernel import Kernel
from firth.native.settings import Settings

_SIDES = ("architecture", "loss")  # their codes are the library's, which lists its sides by name


def open_kernel(instruction_set: str | None = None) -> Kernel:
    """The native kernel of an instruction set; None: the process's own.

    Raises
    ------
    NativeError
        A parameter has no native field or one of another type, or a word has another code.
    """
    kernel = Kernel(instruction_set)
    kernel.table.validate_parameters(
        native_types(), {name: choices_of(name) for name in CHOICE_NAMES if name not in _SIDES}
    )
    return kernel


def parameter_values(kernel: Kernel, config: TrainingConfig) -> dict[str, Any]:
    """Every parameter that the core has, as it has it: a word as its code, a truth as 0 or 1."""
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
        The library lacks the side, or the native side answers otherwise than the registered one.
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
    """The settings of a resolved configuration, and of what else a run consists of (native/cpp/model/settings.hpp).

    Parameters
    ----------
    source : str
        The name of the source of examples.

    Raises
    ------
    NativeError
        A field has no value, or one of another type, or the library lacks a side or the source.
    """
    code = kernel.table.find_source(source)
    return Settings(kernel.table, {**parameter_values(kernel, config), "source": code, **run})
