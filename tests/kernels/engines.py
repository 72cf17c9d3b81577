"""Room tests/kernels: engines and configurations from keywords, with the learning rates that the tests need."""

from __future__ import annotations

from typing import Any

from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import text_examples

DEFAULTS = {"learning_rate": 0.025, "min_learning_rate": 2.5e-6, "threads": 1}
# A learning rate at which no number of float32 changes that is not near zero itself.
NEXT_TO_NOTHING = 1e-30
OF_ENGINE = ("noise_distribution", "sequence_weights", "initial_vectors", "frozen", "instruction_set", "bags")


def make_config(**parameters: Any) -> TrainingConfig:
    """A resolved configuration; the keywords that are an Engine's own are left out."""
    given = {name: value for name, value in parameters.items() if name not in OF_ENGINE}
    return TrainingConfig(**{**DEFAULTS, **given}).resolved()


def make_engine(ids: Any, offsets: Any, counts: Any, **parameters: Any) -> Engine:
    """An engine on a corpus, from the parameters of TrainingConfig and the keywords of Engine."""
    own = {name: value for name, value in parameters.items() if name in OF_ENGINE}
    examples = text_examples(ids, offsets, counts, own.pop("sequence_weights", None))
    return Engine(examples, make_config(**parameters), **own)
