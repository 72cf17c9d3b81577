"""Room numerics: restores the states of random generators, so that each call of a function draws the same numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from firth.errors import ParameterError


class RestoredStates:
    """The states of all generators that a function may draw from, stored at the start of a check."""

    def __init__(self, rng: Any) -> None:
        if rng is None:
            generators: list[Any] = []
        else:
            generators = list(rng) if isinstance(rng, (list, tuple)) else [rng]
        self._random = random.getstate()
        self._numpy = np.random.get_state()
        self._restore_own: list[Callable[[], None]] = [_state_restorer(generator) for generator in generators]

    def restore(self) -> None:
        random.setstate(self._random)
        np.random.set_state(self._numpy)
        for restore in self._restore_own:
            restore()

    def __enter__(self) -> RestoredStates:
        return self

    def __exit__(self, *exception: object) -> None:
        self.restore()


def _state_restorer(generator: Any) -> Callable[[], None]:
    if isinstance(generator, np.random.RandomState):
        legacy_state = generator.get_state()
        return lambda: generator.set_state(legacy_state)
    if isinstance(generator, random.Random):
        plain_state = generator.getstate()
        return lambda: generator.setstate(plain_state)
    if isinstance(generator, (np.random.Generator, np.random.BitGenerator)):
        bits = generator.bit_generator if isinstance(generator, np.random.Generator) else generator
        bit_state = bits.state
        return lambda: setattr(bits, "state", bit_state)
    raise ParameterError(
        "rng must be a np.random.Generator, np.random.RandomState or random.Random, or a sequence of these, "
        f"got {type(generator).__name__}"
    )
