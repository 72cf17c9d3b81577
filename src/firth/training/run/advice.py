"""Room training: advice for runs that learn nothing or diverge, with the caller's names of parameters.

Tests: tests/training/test_outcome.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from firth.kernels.config import MAX_INT32, TrainingConfig
from firth.kernels.sides.side import LEARNING_RATE

USUAL_NEGATIVES = 20  # maximum; many negatives repeat within a step, and the sum of their gradients overshoots
WIDE_WINDOW = 5  # the default; the advice on divergence names a wider window
LARGE_WEIGHT = 1.0  # sequence weights above 1 increase the step
FEW_KEPT = 0.9  # below this share of kept tokens, the advice is to turn subsampling off
MORE_EPOCHS = 5
HIGH_LEARNING_RATE = 0.05  # stable even with few words and no subsampling (docs/training.md)

Naming = Callable[[str, object], str | None]
"""Writes a parameter of TrainingConfig and its value in the caller's form; None if the caller has no such parameter."""


def name_in_python(name: str, value: object) -> str | None:
    """``learning_rate=0.025``."""
    return f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}"


def name_as_flag(name: str, value: object) -> str | None:
    """``--learning-rate 0.025``."""
    return f"--{name.replace('_', '-')} {value}"


_naming: ContextVar[Naming] = ContextVar("firth_parameter_naming", default=name_in_python)


@contextmanager
def parameters_named(naming: Naming) -> Iterator[None]:
    """A context in which messages of training write parameters with ``naming``."""
    token = _naming.set(naming)
    try:
        yield
    finally:
        _naming.reset(token)


@dataclass(frozen=True)
class Cure:
    """One piece of advice: its words, and the parameter with its new value (None: it is not a parameter)."""

    words: str
    name: str | None = None
    value: object = None


def describe_cures(cures: Sequence[Cure]) -> str:
    """``lower the learning rate (learning_rate=0.025) or narrow the window (window=5)``."""
    naming, parts = _naming.get(), []
    for cure in cures:
        if cure.name is None:
            parts.append(cure.words)
        elif (assignment := naming(cure.name, cure.value)) is not None:
            parts.append(f"{cure.words} ({assignment})")
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def cures_of_divergence(
    config: TrainingConfig, *, largest_weight: float, large_start: bool, of_pairs: bool = False
) -> list[Cure]:
    """Changes that make the steps of this configuration smaller. ``of_pairs``: the run has pairs and no windows."""
    cures = [Cure("lower the learning rate", "learning_rate", _lower_learning_rate(config))]
    if config.objective.takes_pairs and config.negative_sharing != "pair" and not of_pairs:
        cures.append(Cure("update pair by pair", "negative_sharing", "pair"))
    if config.objective.outputs.draws_negatives and config.negatives > USUAL_NEGATIVES:
        cures.append(Cure("draw fewer negatives", "negatives", USUAL_NEGATIVES))
    if config.window_mode == "sequence":
        cures.append(Cure("take a window in place of the whole sequence", "window_mode", "dynamic"))
    elif config.window > WIDE_WINDOW:
        cures.append(Cure("narrow the window", "window", WIDE_WINDOW))
    cures += [Cure(*step) for step in config.objective.inputs.smaller_steps(config)]
    if largest_weight > LARGE_WEIGHT:
        weights = "weights of the pairs" if of_pairs else "sequence weights"
        cures.append(Cure(f"lower the {weights}, of which the largest is {largest_weight:g}"))
    if large_start:
        cures.append(Cure("scale the start vectors down"))
    return cures


def cures_of_guessing(config: TrainingConfig, *, kept_share: float, in_vocabulary: float) -> list[Cure]:
    """Changes with which this configuration learns more from its corpus.

    Parameters
    ----------
    kept_share : float
        Share of the corpus's tokens that subsampling keeps.
    in_vocabulary : float
        Share of the words read that are in the vocabulary after ``min_count`` and ``max_vocabulary``.
    """
    assert config.learning_rate is not None
    more_examples = cures_of_no_example(config, kept_share=kept_share, in_vocabulary=in_vocabulary)
    cures = [Cure("train for more epochs", "epochs", min(MORE_EPOCHS * config.epochs, MAX_INT32))]
    if config.learning_rate < HIGH_LEARNING_RATE:
        cures.append(Cure("raise the learning rate", "learning_rate", HIGH_LEARNING_RATE))
    return [*more_examples[:-1], *cures, more_examples[-1]]


def cures_of_no_example(config: TrainingConfig, *, kept_share: float, in_vocabulary: float) -> list[Cure]:
    """Changes that give more examples; see ``cures_of_guessing`` for the parameters."""
    cures = []
    if kept_share < FEW_KEPT:
        cures.append(Cure("turn subsampling off", "subsample", 0))
    if in_vocabulary < FEW_KEPT and config.min_count > 1:
        cures.append(Cure("keep rarer words", "min_count", 1))
    return [*cures, Cure("give more text")]


def _lower_learning_rate(config: TrainingConfig) -> float:
    """The usual learning rate, or a quarter of the current one if that is at most twice the usual rate."""
    assert config.learning_rate is not None
    if config.learning_rate > 2 * LEARNING_RATE:
        return LEARNING_RATE
    return float(f"{config.learning_rate / 4:.2g}")


__all__ = [
    "Cure",
    "Naming",
    "cures_of_divergence",
    "cures_of_guessing",
    "cures_of_no_example",
    "describe_cures",
    "name_as_flag",
    "name_in_python",
    "parameters_named",
]
