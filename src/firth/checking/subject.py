"""Room checking: calls the function under test with its own parameter names, on copies of the inputs; child only.

Tests: tests/checking/test_strange_results.py.
"""

from __future__ import annotations

import copy
import inspect
import random
import re
import signal
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firth.checking.discovery import normalize_name
from firth.checking.older import explain_exception
from firth.checking.report import Finding

NO_DEFAULT = object()
GRADING_SEED = 20150331  # an arbitrary number; `random` and `np.random` have the same state at every call


class TimeLimitError(BaseException):
    """The time limit was reached. Not an Exception, so that the function's ``except Exception`` does not catch it."""


def stop_alarm() -> None:
    """Stop the alarm, so that the report that follows is not interrupted again."""
    signal.setitimer(signal.ITIMER_REAL, 0)


class SubjectError(Exception):
    """Grading cannot continue: the function raised, or its arguments or results are not those of its kind."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True)
class Slot:
    """One argument of a kind: its names in the editions of the course, in lower case and without underscores.

    ``optional``: a function may lack the argument. If ``supplied_as`` is given, the function can then read it from a
    global of that name.
    """

    name: str
    aliases: tuple[str, ...]
    optional: bool = False
    supplied_as: str | None = None


@dataclass
class Subject:
    """A function under test.

    Attributes
    ----------
    name, kind : str
    function : callable
    namespace : dict
        The globals of the function's file.
    labels : tuple of str
        File names of the author's code objects.
    modified : set of str
        Arguments that a call changed in place.
    seed_offset : int
        Added to the seed of ``random`` and ``np.random``, to change their state.
    """

    name: str
    kind: str
    function: Callable[..., Any]
    namespace: dict[str, Any]
    labels: tuple[str, ...]
    modified: set[str] = field(default_factory=set)
    seed_offset: int = 0

    def call(self, arguments: Mapping[str, Any], slots: Sequence[Slot]) -> Any:
        """Call the function on copies of the arguments, matched to its parameters by name, else by position.

        Raises
        ------
        SubjectError
            The function raises, or its parameters are not those of its kind.
        """
        names = self.bind(slots)
        return self.call_plain([arguments[name] for name in names], names, self._globals(arguments, slots, names))

    def call_plain(
        self, values: Sequence[Any], names: Sequence[str] = (), supplied: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the function on copies of the values, passed by position (None: the parameter's default)."""
        copies = [_copy(value) for value in values]
        self.namespace.update(supplied or {})
        keywords: dict[str, Any] = {}
        positional = copies
        order = getattr(self, "_parameters", None)
        if names and order:
            positional = []
            for parameter, value in zip(order, copies, strict=True):
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY or keywords or parameter.name in self._by_keyword:
                    keywords[parameter.name] = value
                else:
                    positional.append(value)
        random.seed(GRADING_SEED + self.seed_offset)
        np.random.seed(GRADING_SEED + self.seed_offset)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = self.function(*positional, **keywords)
        except TimeLimitError:
            stop_alarm()
            raise
        except BaseException as error:
            raise SubjectError(self.describe_exception(error)) from error
        for i, (value, after) in enumerate(zip(values, copies, strict=True)):
            if not _same(value, after):
                self.modified.add(names[i] if names else f"argument {i + 1}")
        return result

    def bind(self, slots: Sequence[Slot]) -> list[str]:
        """The names of the kind's arguments that the function takes, in the order of its parameters.

        Raises
        ------
        SubjectError
            The function requires an argument that the kind does not have, or lacks one that the kind needs.
        """
        try:
            parameters = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError, OverflowError):
            parameters = []
        if not parameters:
            raise SubjectError(Finding("signature", "error", f"{self.name} has no signature that can be read"))
        if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
            named = [p for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
            rest = [slot.name for slot in slots[len(named) :] if not slot.optional]
            self._parameters, self._by_keyword = None, frozenset()
            return [slot.name for slot in slots[: len(named)]] + rest
        parameters = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
        by_parameter: dict[str, Slot] = {}
        for parameter in parameters:
            plain = normalize_name(parameter.name)
            for slot in slots:
                if plain in slot.aliases and slot not in by_parameter.values():
                    by_parameter[parameter.name] = slot
                    break
        # A required parameter with an unknown name gets the next unused slot, in order.
        for parameter in parameters:
            if parameter.name not in by_parameter and parameter.default is inspect.Parameter.empty:
                free = [slot for slot in slots if slot not in by_parameter.values()]
                if not free:
                    expected = ", ".join(slot.name for slot in slots)
                    raise SubjectError(
                        Finding(
                            "signature",
                            "error",
                            f"{self.name} requires the argument {parameter.name!r}, which its kind does not have:"
                            f" {self.kind} takes {expected}",
                        )
                    )
                by_parameter[parameter.name] = free[0]
        missing = [slot for slot in slots if not slot.optional and slot not in by_parameter.values()]
        # A needed slot may be a parameter with an unknown name and a default: again in order.
        for parameter in parameters:
            if missing and parameter.name not in by_parameter:
                by_parameter[parameter.name] = missing.pop(0)
        if missing:
            raise SubjectError(
                Finding(
                    "signature",
                    "error",
                    f"{self.name} does not take {', '.join(slot.name for slot in missing)}, which {self.kind} needs",
                )
            )
        taken = [parameter for parameter in parameters if parameter.name in by_parameter]
        self._parameters = taken
        # After a parameter whose default is used, the others must be passed by keyword.
        left_alone = [i for i, parameter in enumerate(parameters) if parameter.name not in by_parameter]
        first_gap = left_alone[0] if left_alone else len(parameters)
        self._by_keyword = frozenset(parameter.name for parameter in parameters[first_gap:])
        return [by_parameter[parameter.name].name for parameter in taken]

    def takes(self, slots: Sequence[Slot], name: str) -> bool:
        return name in self.bind(slots)

    def default(self, slots: Sequence[Slot], name: str) -> Any:
        """The default of the parameter for the slot ``name``; NO_DEFAULT if the parameter is required."""
        names = self.bind(slots)
        if self._parameters is None or name not in names:
            return NO_DEFAULT
        default = self._parameters[names.index(name)].default
        return NO_DEFAULT if default is inspect.Parameter.empty else default

    def _globals(self, arguments: Mapping[str, Any], slots: Sequence[Slot], names: Sequence[str]) -> dict[str, Any]:
        return {
            slot.supplied_as: arguments[slot.name]
            for slot in slots
            if slot.supplied_as and slot.name not in names and slot.name in arguments
        }

    def describe_exception(self, error: BaseException) -> Finding:
        """The finding for an exception of the function, with the last line of its author in the traceback."""
        return describe_exception(error, self.labels, self.name)

    _parameters: list[inspect.Parameter] | None = None
    _by_keyword: frozenset[str] = frozenset()


def describe_exception(error: BaseException, labels: Sequence[str], name: str) -> Finding:
    """The finding for an exception of the function ``name``, with the last line of its author in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename in labels]
    details: dict[str, Any] = {"exception": type(error).__name__}
    where = ""
    if own:
        details |= describe_place(own[-1].filename, own[-1].lineno or 0)
        where = f" in {place_in_words(details)}"
    if isinstance(error, TimeLimitError):
        return Finding("limit", "error", f"{name} reaches the time limit{where}; check for a loop without end", details)
    if isinstance(error, MemoryError):
        return Finding("limit", "error", f"{name} reaches the memory limit{where}", details)
    text = text_of(error)
    raised_by_author = bool(frames) and bool(own) and frames[-1] is own[-1]
    if isinstance(error, NotImplementedError) or (raised_by_author and _says_unwritten(text, own[-1].line)):
        return Finding("not-implemented", "error", f"{name} is not written yet: it raises{where}", details)
    said = f": {text[:300]}" if text else ""
    message = f"{name} raises {type(error).__name__}{where}{said}"
    older = explain_exception(text[:1000])
    if older is not None:
        code, advice = older
        return Finding(code, "error", f"{message} ({advice})", details)
    return Finding("raises", "error", message, details)


def describe_place(label: str, line: int) -> dict[str, Any]:
    """The details of a finding for a line of a source: ``line``, and ``cell`` in a notebook."""
    place: dict[str, Any] = {"line": line}
    if "#cell " in label:
        place["cell"] = int(label.rpartition("#cell ")[2])
    return place


def place_in_words(details: Mapping[str, Any]) -> str:
    return f"line {details['line']}" + (f" of cell {details['cell']}" if "cell" in details else "")


def text_of(error: BaseException) -> str:
    """The exception's text, also where its own ``__str__`` fails."""
    try:
        return str(error)
    except Exception as inner:  # the author's code again
        return f"(its text raises {type(inner).__name__})"


_UNWRITTEN = re.compile(r"not\W+(yet\W+)?(been\W+)?implemented|unimplemented|\btodo\b|your code here", re.IGNORECASE)


def _says_unwritten(text: str, line: str | None) -> bool:
    """Whether an exception says "not implemented", or the line is ``raise NotImplemented``, which is no exception."""
    return bool(_UNWRITTEN.search(text) or re.search(r"\braise NotImplemented\b", line or ""))


def _copy(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, dict, tuple, set)):
        return copy.deepcopy(value)
    return value


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after, equal_nan=True)
    if isinstance(before, (list, dict, set)):
        return bool(before == after) if not _holds_arrays(before) else True
    return True


def _holds_arrays(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return any(isinstance(item, np.ndarray) for item in items)
