"""Room training: periods: how often a run does something, in seconds or in words, and the text form.

Tests: tests/training/test_options.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firth.base.values import as_number
from firth.errors import ParameterError

SECONDS_PER_UNIT = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
WORDS_PER_UNIT = {"words": 1.0, "kwords": 1e3, "Mwords": 1e6, "Gwords": 1e9}
_PERIOD_PATTERN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]+)\s*")


@dataclass(frozen=True)
class Period:
    """How often something is done: after a number of seconds, or after a number of words read from the corpus.

    Exactly one of the two attributes is given.

    Attributes
    ----------
    seconds : float or None
    words : float or None
    """

    seconds: float | None = None
    words: float | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.words is None):
            raise ParameterError(
                f"Period must have either seconds or words, got seconds={self.seconds!r} and words={self.words!r}"
            )
        for name in ("seconds", "words"):
            value = getattr(self, name)
            if value is not None:
                number = as_number(name, value)
                if number <= 0:
                    raise ParameterError(f"{name} must be above 0, got {number:g}")
                object.__setattr__(self, name, number)

    def to_json(self) -> dict[str, float | None]:
        """A dictionary of JSON types; ``Period(**values)`` makes the same period."""
        return {"seconds": self.seconds, "words": self.words}


def parse_period(name: str, value: str | float | Period | None) -> Period | None:
    """A period from ``"10min"``, ``"90s"``, ``"1.5h"``, ``"50Mwords"``, ``"200000words"``, or a number of minutes.

    Raises
    ------
    ParameterError
    """
    expected = f'{name} must be like "10min", "90s", "2h" or "50Mwords", or a number of minutes'
    if value is None or isinstance(value, Period):
        return value
    if isinstance(value, str):
        match = _PERIOD_PATTERN.fullmatch(value)
        if match is None:
            raise ParameterError(f"{expected}, got {value!r}")
        number, unit = float(match[1]), match[2]
        if number <= 0:
            raise ParameterError(f"{name} must be above 0, got {value!r}")
        if unit in SECONDS_PER_UNIT:
            return Period(seconds=number * SECONDS_PER_UNIT[unit])
        if unit in WORDS_PER_UNIT:
            return Period(words=number * WORDS_PER_UNIT[unit])
        units = ", ".join([*SECONDS_PER_UNIT, *WORDS_PER_UNIT])
        raise ParameterError(f"{name} must have one of the units {units}, got {value!r}")
    minutes = as_number(name, value)
    if minutes <= 0:
        raise ParameterError(f"{name} must be above 0 minutes, got {minutes:g}")
    return Period(seconds=60 * minutes)
