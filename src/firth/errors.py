"""Below every room: the errors that firth raises, each also the built-in that a user would catch."""

from __future__ import annotations

from typing import Any


class FirthError(Exception):
    """Anything that firth refuses or cannot do; the command line prints its message and exits with 2."""


class ParameterError(FirthError, ValueError):
    """A parameter outside its range: ``<name> must <constraint>, got <value>``."""


class ShapeError(FirthError, ValueError):
    """An array whose shape does not fit the others."""


class IdError(FirthError, IndexError):
    """A word id outside [0, V)."""


class CorpusError(FirthError, ValueError):
    """A corpus that cannot be read, or from which nothing could be learned."""


class EncodingError(CorpusError):
    """Bytes that are not UTF-8: the message names the file and the offset."""


class CorpusTypeError(FirthError, TypeError):
    """Something that is no corpus: a string where a list of tokens belongs."""


class UnknownWordError(FirthError, KeyError):
    """A word that is not in the vocabulary; near spellings are suggested."""

    def __str__(self) -> str:  # KeyError would show the message's repr
        return str(self.args[0]) if self.args else ""


class FormatError(FirthError, ValueError):
    """A file that does not follow its format's grammar: the message names the place."""


class StorageError(FirthError, OSError):
    """Too little space, a folder that cannot be written, a file that is missing."""


class NativeError(FirthError, RuntimeError):
    """The native core could not be loaded, or failed."""


class TrainingError(FirthError, RuntimeError):
    """Training that cannot go on: no example to learn from, or one of the errors derived from this one."""


class DivergenceError(TrainingError):
    """Training that diverged: the loss rose far above guessing, or a vector grew without bound.

    Attributes
    ----------
    model : firth.Model or None
        The last vectors that were kept before training diverged, with the history up to them; its
        ``history.stop_reason`` is ``"diverged"``. docs/training.md says how often vectors are kept.
    """

    def __init__(self, message: str, model: Any = None) -> None:
        super().__init__(message)
        self.model = model


class NothingLearnedWarning(UserWarning):
    """The vectors of a run that ended predict no better than guessing.

    Attributes
    ----------
    model : firth.Model or None
        The trained model: for a program that turns warnings into exceptions.
    """

    def __init__(self, message: str, model: Any = None) -> None:
        super().__init__(message)
        self.model = model


class MissingExtraError(FirthError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""


class GradientError(FirthError, AssertionError):
    """A gradient that is not its loss's: the message is the checker's report."""


class CorpusWarning(UserWarning):
    """Something about a corpus that is legal and that its user would hardly want: the message says what to do."""
