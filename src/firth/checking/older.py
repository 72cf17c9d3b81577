"""Room checking: recognises code that NumPy 1 and Python 2 accepted and current versions refuse.

The course's code is from 2015, for NumPy 1.10 and Python 2.7. Some of their rules now raise an exception that names the
rule. Others changed in silence, or raise an exception that does not explain. For these the file is loaded again with
its expressions rewritten to the rules of NumPy 1. A function that is correct under these rules, but not without them,
needs them. Used only in the child process.

Tests: tests/checking/test_second_look.py.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

NUMPY = "older-numpy"
PYTHON = "older-python"

# Part of an exception's text -> the code, and what to write today. The first match counts.
_MESSAGES: tuple[tuple[str, str, str], ...] = (
    (
        r"np\.sum\(generator\)",
        NUMPY,
        "NumPy no longer sums a generator; write sum(...), or np.sum([...], axis=0) over a list",
    ),
    (
        r"inhomogeneous shape",
        NUMPY,
        "NumPy no longer makes an array of rows of different lengths; keep them in a list",
    ),
    (
        r"arrays to stack must be passed as a|may not be a generator",
        NUMPY,
        "NumPy no longer stacks a generator or a map; pass a list",
    ),
    (r"Unable to avoid copy", NUMPY, "copy=False now forbids a copy; write np.asarray"),
    (
        r"was removed in the NumPy 2|was removed from the ndarray class|np\.\w+` was a deprecated alias",
        NUMPY,
        "NumPy has dropped this name",
    ),
    (
        r"'numpy\.ndarray' object has no attribute '(itemset|ptp|newbyteorder|tostring|setasflat)'",
        NUMPY,
        "NumPy has dropped this method of arrays",
    ),
    (
        r"numpy boolean (subtract|negative)|NumPy boolean (subtract|negative)",
        NUMPY,
        "NumPy no longer subtracts booleans; convert them with .astype(float)",
    ),
    (
        r"truth value of an empty array",
        NUMPY,
        "an empty array is no longer false in a condition; ask for its size",
    ),
    (
        r"Python integer -?\d+ out of bounds for u?int\d+",
        NUMPY,
        "a Python integer no longer wraps around in a small integer type; use a wider type",
    ),
    (
        r"Cannot cast ufunc '\w+' output from dtype\('float\d+'\) to dtype\('(u?int\d+|bool)'\)",
        NUMPY,
        "NumPy no longer stores floats in an array of integers in place; make it an array of floats first",
    ),
    (r"Calling nonzero on 0d arrays", NUMPY, "np.nonzero no longer takes a number; use np.atleast_1d"),
    (r"binary mode of fromstring", NUMPY, "np.fromstring no longer reads bytes; use np.frombuffer"),
    (
        r"boolean index did not match",
        NUMPY,
        "a mask must have as many elements as the array; NumPy before 1.13 took another length",
    ),
    (
        r"got an unexpected keyword argument '(newshape|normed)'",
        NUMPY,
        "NumPy has dropped this keyword argument",
    ),
    (
        r"arrays used as indices must be of integer",
        NUMPY,
        "NumPy no longer takes floats as indices; convert them with .astype(int)",
    ),
    (
        r"'dict' object has no attribute '(iteritems|itervalues|iterkeys|has_key|viewitems|viewkeys|viewvalues)'",
        PYTHON,
        "this method of dict ended with Python 2; use items, values, keys, or `in`",
    ),
    (
        r"'(map|filter|zip|range|dict_keys|dict_values|dict_items)' object (is not subscriptable|is not reversible"
        r"|has no attribute '(append|sort|extend|index|insert|pop)'|does not support item assignment)"
        r"|'(dict_keys|dict_values|dict_items)' object has no attribute"
        r"|object of type '(map|filter|zip)' has no len",
        PYTHON,
        "in Python 2 this was a list; wrap it in list(...)",
    ),
    (
        r"unsupported operand type\(s\) for \S+ '(map|filter|zip|range|dict_\w+)' and"
        r"|unsupported operand type\(s\) for \S+ '\w+' and '(map|filter|zip|range|dict_\w+)'"
        r"|can only concatenate list \(not \"(map|filter|zip|range|dict_\w+)\"\) to list",
        PYTHON,
        "in Python 2 this was a list; wrap it in list(...)",
    ),
    (r"'generator' object has no attribute 'next'", PYTHON, "write next(generator)"),
    (
        r"module 'string' has no attribute '(letters|lowercase|uppercase|join|split|maketrans|lower|upper|replace)'"
        r"|module 'sys' has no attribute '(maxint|setdefaultencoding)'"
        r"|module 'itertools' has no attribute '(izip|imap|ifilter|izip_longest)'"
        r"|module 'os' has no attribute 'getcwdu'|module 'time' has no attribute 'clock'",
        PYTHON,
        "this name of the standard library ended with Python 2",
    ),
    (
        r"name '(cmp|unichr|execfile|file|reload|apply|buffer|intern|coerce)' is not defined",
        PYTHON,
        "this built-in name ended with Python 2",
    ),
)
_NO_ATTRIBUTE = re.compile(r"module 'numpy' has no attribute '(\w+)'")
# Names of NumPy 1.10 that ended with an exception that does not say so.
_DROPPED_NAMES = frozenset(
    """
    alen asscalar asfarray rank msort issubsctype oldnumeric numarray Tester bool8 int0 uint0 str0 bytes0 object0
    void0 typeDict fastCopyAndTranspose mafromtxt ndfromtxt float96 complex192 typeNA safe_eval product cumproduct
    sometrue alltrue in1d row_stack trapz disp who pkgload restoredot alterdot unicode0 sctypeNA loads
    """.split()  # noqa: SIM905
)


def explain_exception(text: str) -> tuple[str, str] | None:
    """The code and the advice for an exception's text that shows an ended rule of NumPy 1 or Python 2; else None."""
    for pattern, code, advice in _MESSAGES:
        if re.search(pattern, text):
            return code, advice
    missing = _NO_ATTRIBUTE.match(text)
    if missing is not None and missing.group(1) in _DROPPED_NAMES:
        return NUMPY, "NumPy has dropped this name"
    return None


Place = tuple[str, int]  # a source's label and a line of it


@dataclass
class OldNumPy:
    """NumPy 1's rules for one file: rewrites its trees, replaces some functions of NumPy, and records used rules.

    Attributes
    ----------
    used : dict
        Messages by the label and line of the source at which an old rule made a difference.
    """

    used: dict[Place, str] = field(default_factory=dict)

    def rewrite(self, tree: ast.Module, label: str) -> ast.Module:
        rewritten: ast.Module = ast.fix_missing_locations(_Rewriter(label).visit(tree))
        return rewritten

    @property
    def helpers(self) -> dict[str, Any]:
        """The names that a rewritten tree calls."""
        return {
            _INDEX: self._index,
            _STORED: self._stored,
            _SCALAR: self._scalar,
            _IS_EQUAL: self._is_equal,
            _DIFFERENCE: self._difference,
            _NEGATIVE: self._negative,
            _CALL: self._call,
        }

    def _note(self, place: Place, what: str) -> None:
        self.used.setdefault(place, what)

    def _index(self, index: Any, place: Place) -> Any:
        if isinstance(index, tuple):
            return tuple(self._number(item, place) for item in index)
        if isinstance(index, list) and 0 < len(index) <= _MAX_INDEX and any(map(_is_sequence_index, index)):
            self._note(place, "a list of arrays or slices as an index is no longer a tuple of them; write tuple(...)")
            return tuple(index)
        return self._number(index, place)

    def _number(self, value: Any, place: Place) -> Any:
        if _is_whole_float(value):
            self._note(place, "NumPy no longer takes a float as an index; convert it with int, or divide with //")
            return int(value)
        if isinstance(value, slice):
            return slice(*(self._number(part, place) for part in (value.start, value.stop, value.step)))
        return value

    def _stored(self, value: Any, place: Place) -> Any:
        if isinstance(value, np.ndarray) and value.ndim and value.size == 1:
            self._note(place, "NumPy no longer stores an array of one element as a number; take its element, x[0]")
            return value.reshape(())
        return value

    def _scalar(self, value: Any, place: Place) -> Any:
        if isinstance(value, np.ndarray) and value.ndim and value.size == 1:
            self._note(place, "NumPy no longer makes an array of one element a number; take its element, or .item()")
            return value.item()
        return value

    def _is_equal(self, first: Any, second: Any, place: Place) -> Any:
        array = first if isinstance(first, np.ndarray) else second
        other = second if array is first else first
        if not isinstance(array, np.ndarray):
            return first == second
        if other is None or isinstance(other, str):
            self._note(place, "== compares each element with None (or a text) now; write `is None`")
            return False
        try:
            return first == second
        except ValueError:
            self._note(place, "arrays of different shapes can no longer be compared; compare their shapes first")
            return False

    def _difference(self, first: Any, second: Any, place: Place) -> Any:
        if _is_boolean(first) and _is_boolean(second):
            self._note(place, "NumPy no longer subtracts booleans; convert them with .astype(float)")
            return np.logical_xor(first, second)
        return first - second

    def _negative(self, value: Any, place: Place) -> Any:
        if _is_boolean(value):
            self._note(place, "NumPy no longer negates booleans by `-`; write ~")
            return np.logical_not(value)
        return -value

    def _call(self, place: Place, function: Any, *arguments: Any, **keywords: Any) -> Any:
        """Make a call. If NumPy refuses it because a rule has ended, make it as NumPy 1 would have."""
        try:
            return function(*arguments, **keywords)
        except (TypeError, ValueError) as error:
            old = _as_before(function, arguments, keywords, str(error))
            if old is None:
                raise
            result, what = old
            self._note(place, what)
            return result


_INDEX, _STORED, _SCALAR = "__firth_index__", "__firth_stored__", "__firth_scalar__"
_IS_EQUAL, _DIFFERENCE, _NEGATIVE = "__firth_is_equal__", "__firth_difference__", "__firth_negative__"
_CALL = "__firth_call__"
_MAX_INDEX = 32  # NumPy 1's limit of dimensions
_TO_NUMBER = frozenset(["float", "int", "long", "complex", "range", "xrange"])
# Calls that mean the frame that they stand in: no helper may stand between.
_OF_THEIR_FRAME = frozenset(["super", "locals", "vars", "dir", "globals", "eval", "exec"])
# Functions that took floats for sizes.
_SIZED = frozenset(
    ["zeros", "ones", "empty", "full", "eye", "identity", "linspace", "reshape", "tile", "repeat", "rand"]
)
_SIZED_METHODS = frozenset(["rand", "randn", "reshape", "randint", "random_sample", "normal", "uniform"])


class _Rewriter(ast.NodeTransformer):
    """Wraps each expression for which NumPy 1 had another rule in a call of a helper."""

    def __init__(self, label: str) -> None:
        self._label = label

    def _helper(self, name: str, values: list[ast.expr], at: ast.expr | ast.stmt) -> ast.expr:
        place = _constant(self._label, at.lineno)
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), [*values, place], []), at)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.slice, ast.Constant):
            node.slice = self._helper(_INDEX, [_slices_as_calls(node.slice)], node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if all(isinstance(target, ast.Subscript) for target in node.targets):
            node.value = self._helper(_STORED, [node.value], node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.target, ast.Subscript):
            node.value = self._helper(_STORED, [node.value], node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return node
        equal = self._helper(_IS_EQUAL, [node.left, node.comparators[0]], node)
        if isinstance(node.ops[0], ast.Eq):
            return equal
        none = isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None
        return ast.copy_location(ast.UnaryOp(ast.Not(), equal), node) if none else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return self._helper(_DIFFERENCE, [node.left, node.right], node) if isinstance(node.op, ast.Sub) else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            return self._helper(_NEGATIVE, [node.operand], node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        of_math = (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "math"
        )
        if of_math or (isinstance(function, ast.Name) and function.id in _TO_NUMBER):
            node.args = [
                item if isinstance(item, ast.Starred) else self._helper(_SCALAR, [item], node) for item in node.args
            ]
            return node
        if isinstance(function, ast.Name) and function.id in _OF_THEIR_FRAME:
            return node
        place = _constant(self._label, node.lineno)
        called = ast.Call(ast.Name(_CALL, ast.Load()), [place, function, *node.args], node.keywords)
        return ast.copy_location(called, node)


def _constant(label: str, line: int) -> ast.expr:
    place: Any = (label, line)  # a tuple is a constant to the compiler, though not to the parser
    return ast.Constant(place)


def _slices_as_calls(index: ast.expr) -> ast.expr:
    """Replace ``a:b`` by slice(a, b): ``a:b`` is only allowed in brackets, not as an argument of a helper."""
    if isinstance(index, ast.Slice):
        none = ast.Constant(None)
        parts: list[ast.expr] = [part or none for part in (index.lower, index.upper, index.step)]
        return ast.copy_location(ast.Call(ast.Name("slice", ast.Load()), parts, []), index)
    if isinstance(index, ast.Tuple):
        return ast.copy_location(ast.Tuple([_slices_as_calls(item) for item in index.elts], ast.Load()), index)
    return index


def _is_sequence_index(item: Any) -> bool:
    if isinstance(item, np.ndarray):
        return item.ndim > 0
    return isinstance(item, (list, tuple, slice)) or item is Ellipsis or item is None


def _is_boolean(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.bool_)) and value.dtype.kind == "b"


def _as_before(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], said: str
) -> tuple[Any, str] | None:
    """The result of NumPy 1 for a call that is refused today, and the message; None if NumPy 1 also refused it."""
    name = getattr(function, "__name__", "")
    if function is np.sum and arguments and isinstance(arguments[0], Iterator):
        # The generator has not been drawn from: NumPy refuses it by its type.
        return sum(arguments[0]), "NumPy no longer sums a generator; write sum(...)"
    if "inhomogeneous" in said and function in (np.array, np.asarray) and "dtype" not in keywords:
        what = "NumPy no longer makes an array of rows of different lengths; keep them in a list"
        return function(*arguments, dtype=object, **keywords), what
    if "arrays to stack" in said and arguments and not isinstance(arguments[0], (list, tuple)):
        what = "NumPy no longer stacks a generator or a map; pass a list"
        return function(list(arguments[0]), *arguments[1:], **keywords), what
    if "Unable to avoid copy" in said and keywords.get("copy") is False:
        what = "copy=False now forbids a copy; write np.asarray"
        return function(*arguments, **{key: value for key, value in keywords.items() if key != "copy"}), what
    is_sized = name in _SIZED or (name in _SIZED_METHODS and not isinstance(function, type))
    if "cannot be interpreted as an integer" in said and is_sized:
        what = "NumPy no longer takes a float as a size; convert it with int, or divide with //"
        with contextlib.suppress(TypeError, ValueError):
            whole = {key: _whole(value) for key, value in keywords.items()}
            return function(*map(_whole, arguments), **whole), what
    return None


def _whole(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_whole, value))
    return int(value) if _is_whole_float(value) else value


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and float(value).is_integer()
