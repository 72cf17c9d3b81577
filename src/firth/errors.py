"""Below every room: the errors that firth raises, each also the built-in that a user would catch."""

from __future__ import annotations


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
    """Training that cannot go on: a loss or a row that stopped being finite."""


class MissingExtraError(FirthError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""


class GradientError(FirthError, AssertionError):
    """A gradient that is not its loss's: the message is the checker's report."""


class CorpusWarning(UserWarning):
    """Something about a corpus that is legal and that its user would hardly want: the message says what to do."""
