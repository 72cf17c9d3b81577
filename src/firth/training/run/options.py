"""Room training: parses options that do not decide what is learned: held-out part, patience, checkpoints."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from firth.base.values import as_integer, as_number, is_integer, is_number, validate_choice
from firth.corpus.learning_phrases import PhraseSettings
from firth.corpus.pairs import Pairs
from firth.corpus.phrases import Phrases
from firth.corpus.sources import classify_source
from firth.corpus.tables import read_table
from firth.errors import ParameterError, StorageError
from firth.training.loop.periods import Period, parse_period

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

_SHARE_PATTERN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%\s*")

TokenLists = Iterable[Sequence[str]]
HeldoutSource = str | PathLike[str] | float | TokenLists | Pairs


@dataclass(frozen=True)
class Heldout:
    """The held-out part: a share of the corpus's sequences, or a separate source. Exactly one is given."""

    share: float | None = None
    source: Any = None


def validate_heldout_file(heldout: Heldout | None, column: str | None = None) -> None:
    """Raise, before any work, if the held-out part is a path without a file.

    Raises
    ------
    ParameterError
        There is no file at the path; the message says what ``heldout`` may be.
    CorpusError
        The file is empty.
    """
    if heldout is None or not isinstance(heldout.source, (str, PathLike)):
        return
    try:
        # without a column, the format is checked when the file is read
        classify_source(heldout.source, as_text=column is None, column=column)
    except StorageError as error:
        name, as_share = str(os.fspath(heldout.source)), _as_percent(heldout.source)
        raise ParameterError(
            f'heldout must be a share like "1%" or a file, got {name!r} ({str(error).removeprefix(f"{name}: ")})'
            + ("" if as_share is None else f'; as a share give "{as_share}"')
        ) from error


def _as_percent(text: object) -> str | None:
    """``"1%"`` for the string ``"0.01"``; None if the value is not a share."""
    try:
        share = float(text) if isinstance(text, str) else 0.0
    except ValueError:
        return None
    return f"{100 * share:g}%" if 0 < share < 1 else None


def parse_phrases(value: object) -> Phrases | PhraseSettings | None:
    """A table of phrases, how to learn one, or None, from the argument ``phrases`` of ``firth.train``.

    Raises
    ------
    ParameterError, StorageError, FormatError
    """
    if value is None or isinstance(value, Phrases):
        return value
    if isinstance(value, (str, PathLike)):
        return Phrases.load(value)
    if not is_integer(value) or int(value) < 1:
        raise ParameterError(
            f"phrases must be a table of phrases, its path, or a number of passes of at least 1, got {value!r:.60}"
        )
    return PhraseSettings.validated(passes=int(value))


def parse_heldout(value: HeldoutSource | None, column: str | None = None) -> Heldout | None:
    """Parse a share, ``0.01`` or ``"1%"``, or a source: a path or token lists.

    Raises
    ------
    ParameterError
        The share is not in (0, 1), or the value is neither a share nor a source.
    """
    if value is None:
        return None
    if isinstance(value, str):
        match = _SHARE_PATTERN.fullmatch(value)
        if match is None:
            if value.strip().endswith("%"):
                raise ParameterError(f'heldout must be a share like "1%" or 0.01, or a file, got {value!r}')
            return Heldout(source=value)
        return Heldout(share=_validated_share(float(match[1]) / 100, value))
    if isinstance(value, bool):
        raise ParameterError(f'heldout must be a share like "1%" or 0.01, or a file, got {value!r}')
    if isinstance(value, Pairs) or (column is not None and not is_number(value)):
        return Heldout(source=value)  # a frame, a path or a data set, whose column is read
    is_table = read_table(value, "heldout") is not None  # an Arrow table is not iterable
    if is_table or isinstance(value, (PathLike, Iterable)):
        return Heldout(source=value)
    return Heldout(share=_validated_share(as_number("heldout", value), value))


ON_INTERRUPT = ("save", "discard")
MATRICES = ("memory", "disk")


@dataclass(frozen=True)
class RunOptions:
    """Parsed options of a run; ``train`` documents them."""

    heldout: Heldout | None
    heldout_every: Period | None
    patience: int | None
    stop_metric: Callable[[WordVectors], float] | None
    checkpoint_every: Period | None
    on_interrupt: str = "save"
    matrices: str = "memory"

    @classmethod
    def parse(
        cls,
        heldout: HeldoutSource | None,
        heldout_every: str | Period | None,
        patience: int | None,
        stop_metric: Callable[[WordVectors], float] | None,
        checkpoint_every: str | float | Period | None,
        output: str | os.PathLike[str] | None,
        on_interrupt: str = "save",
        column: str | None = None,
        matrices: str = "memory",
    ) -> RunOptions:
        """Parse and check all options, each alone and together.

        Raises
        ------
        ParameterError
        """
        parsed_heldout = parse_heldout(heldout, column)
        validate_heldout_file(parsed_heldout, column)
        parsed_patience = parse_patience(patience, parsed_heldout, stop_metric)
        evaluate_every = parse_period("heldout_every", heldout_every)
        if evaluate_every is not None:
            if evaluate_every.words is None:
                raise ParameterError(
                    f'heldout_every must be in words, like "10Mwords", not in time, got {heldout_every!r}'
                )
            if parsed_heldout is None and stop_metric is None:
                raise ParameterError(
                    f"heldout_every must come with a held-out part, got heldout_every={heldout_every!r} alone; add"
                    ' heldout="1%" (or, in Python, stop_metric, a function of the vectors)'
                )
        every = parse_period("checkpoint_every", checkpoint_every)
        if every is not None and output is None:
            raise ParameterError(
                f"checkpoint_every must come with output=, the folder for checkpoints, got {checkpoint_every!r} alone"
            )
        validate_choice("on_interrupt", on_interrupt, ON_INTERRUPT)
        validate_choice("matrices", matrices, MATRICES)
        if on_interrupt != "save" and every is not None:
            raise ParameterError(
                f"on_interrupt must be 'save' with checkpoint_every, got {on_interrupt!r}: an interrupted run with"
                " checkpoints writes one; leave one of the two out"
            )
        return cls(parsed_heldout, evaluate_every, parsed_patience, stop_metric, every, on_interrupt, matrices)


def _validated_share(share: float, value: object) -> float:
    if not 0 < share < 1:
        raise ParameterError(
            f"heldout must be a share above 0 and below 1 (100 % leaves nothing to train on), got {value!r}"
        )
    return share


def parse_patience(patience: int | None, heldout: Heldout | None, stop_metric: object) -> int | None:
    """Check ``patience``. It needs a held-out part or a metric.

    Raises
    ------
    ParameterError
    """
    if stop_metric is not None and not callable(stop_metric):
        raise ParameterError(
            f"stop_metric must be a function that takes the vectors and returns a number, got {stop_metric!r}"
        )
    if patience is None:
        return None
    patience = as_integer("patience", patience, minimum=1)
    if heldout is None and stop_metric is None:
        raise ParameterError(
            f"patience must come with a held-out part or a metric, got patience={patience} alone;"
            ' add heldout="1%" (or, in Python, stop_metric, a function of the vectors)'
        )
    return patience
