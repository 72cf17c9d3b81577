"""Room checking: recognises functions that are not written yet: by their text, the result depends on no argument.

A function that computes and happens to return zeros is not a stub: by its text, the result depends on its arguments.

Tests: tests/checking/test_second_look.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

# Names under which the first edition's functions find arguments among the globals.
GLOBAL_ARGUMENTS = frozenset(["dataset", "dimensions", "word2vecCostAndGradient"])
# Attributes and calls that tell an array's size, not its values.
_SIZE_ATTRIBUTES = frozenset(["shape", "size", "ndim", "dtype"])
_SIZE_CALLS = frozenset(["len", "shape", "size", "ndim", "zeros_like", "ones_like", "empty_like", "type"])
# Calls that only make or arrange constants: with any other call, what comes out is not known from the text.
_CONSTANT_CALLS = _SIZE_CALLS | frozenset(
    """
    zeros ones empty full full_like eye identity array asarray matrix asmatrix float int list tuple dict range xrange
    arange float32 float64 concatenate hstack vstack flatten ravel reshape copy astype
    """.split()  # noqa: SIM905
)
_MODULES = frozenset(["np", "numpy", "math", "random"])
# Calls that can read an argument without its name.
_OPAQUE_NAMES = frozenset(["locals", "globals", "vars", "eval", "exec"])
_HARMLESS_CALLS = frozenset(["print", "assert"])
# Kinds whose starter code, in some edition, returns the argument unchanged.
_IDENTITY_KINDS = frozenset(["sigmoid", "sigmoid_grad", "softmax", "normalizeRows", "sigmoid_forward"])
_BEGIN = re.compile(r"#.*\bYOUR CODE HERE\b", re.IGNORECASE)
_END = re.compile(r"#.*\bEND (OF )?YOUR CODE\b", re.IGNORECASE)
_EVERYTHING = "*"
_STATEMENTS_WITHOUT_VALUES = (
    ast.Pass,
    ast.Raise,
    ast.Assert,
    ast.Import,
    ast.ImportFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Break,
    ast.Continue,
)

Definition = ast.FunctionDef | ast.Lambda


def find_definition(trees: Iterable[ast.Module], name: str) -> Definition | None:
    """The last definition of ``name`` at the top level; None if the name is later bound to something else."""
    found: Definition | None = None
    for tree in trees:
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                found = statement
            elif isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in statement.targets
            ):
                found = statement.value if isinstance(statement.value, ast.Lambda) else None
    return found


def describe_stub(node: Definition, kind: str) -> str | None:
    """The reason why the function is a stub, as the end of a sentence; None if it is not a stub, or this is unknown.

    A stub returns nothing, or a result that uses no argument's value, or (for kinds whose starter code does this) its
    argument unchanged.
    """
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return None  # the decorator may do anything
    flow = _Flow(node)
    if flow.is_opaque:
        return None
    results = [node.body] if isinstance(node, ast.Lambda) else list(_results(node.body))
    if not results:
        return None if flow.computes or flow.acts else "it returns nothing"
    if not all(_is_constant(result, flow) for result in results):
        parameters = _parameters(node)
        whole = kind in _IDENTITY_KINDS and parameters and not flow.assigned & set(parameters)
        if whole and not flow.computes and all(_is_name(result, parameters[0]) for result in results):
            return "it returns its argument as it is"
        return None
    return "it returns constants, whatever its arguments"


def has_empty_region(source: str, node: Definition) -> bool:
    """Whether a region of starter code, from YOUR CODE HERE to END YOUR CODE, has no code within the function."""
    lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
    empty = False
    inside = False
    for line in lines:
        if _END.search(line):
            if inside and empty:
                return True
            inside = False
        elif _BEGIN.search(line):
            inside = empty = True
        elif inside and line.split("#")[0].strip() not in ("", "pass", "..."):
            empty = False
    return False


class _Flow:
    """The names on which each name of a function may depend. The order of statements is ignored: an upper bound."""

    def __init__(self, node: Definition) -> None:
        self.sources: dict[str, set[str]] = {}
        self.calls: dict[str, list[ast.Call]] = {}
        self.parameters = set(_parameters(node)) | GLOBAL_ARGUMENTS
        self.assigned: set[str] = set()
        self.computes = False
        self.is_opaque = any(
            isinstance(n, ast.NamedExpr) or (isinstance(n, ast.Name) and n.id in _OPAQUE_NAMES) for n in ast.walk(node)
        )
        calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
        # A function that calls others is written, even if it returns nothing.
        self.acts = any(_called(call) not in _CONSTANT_CALLS | _HARMLESS_CALLS for call in calls)
        for call in calls:
            self._note_effects(call)
        body = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
        self._read(body, set())

    def depends(self, names: Iterable[str]) -> bool:
        """Whether one of the names may depend on an argument's value."""
        return bool(self._closure(names) & (self.parameters | {_EVERYTHING}))

    def calls_behind(self, names: Iterable[str]) -> Iterator[ast.Call]:
        for name in self._closure(names):
            yield from self.calls.get(name, [])

    def _closure(self, names: Iterable[str]) -> set[str]:
        seen: set[str] = set()
        pending = [*names, _EVERYTHING] if _EVERYTHING in self.sources else list(names)
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending.extend(self.sources.get(name, ()))
        return seen

    def _read(self, body: Sequence[ast.stmt], control: set[str]) -> None:
        for statement in body:
            self._read_statement(statement, control)

    def _read_statement(self, statement: ast.stmt, control: set[str]) -> None:
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                self._bind(target, statement.value, control)
        elif isinstance(statement, (ast.For, ast.AsyncFor)):
            self._bind(statement.target, statement.iter, control)
            inner = control | value_names(statement.iter)
            self._read(statement.body, inner)
            self._read(statement.orelse, inner)
        elif isinstance(statement, (ast.If, ast.While)):
            inner = control | value_names(statement.test)
            self._read(statement.body, inner)
            self._read(statement.orelse, inner)
            if any(isinstance(n, ast.Return) for n in ast.walk(statement)):
                self.sources.setdefault(_EVERYTHING, set()).update(value_names(statement.test))
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            for item in statement.items:
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, item.context_expr, control)
            self._read(statement.body, control)
        elif isinstance(statement, ast.Try):
            for part in (statement.body, statement.orelse, statement.finalbody, *(h.body for h in statement.handlers)):
                self._read(part, control)
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
            self._note(statement.name, names, [])
        elif isinstance(statement, ast.Expr):
            self._read_call(statement.value)
        elif isinstance(statement, ast.Return):
            if statement.value is not None and control:
                self.sources.setdefault(_EVERYTHING, set()).update(control)
        elif not isinstance(statement, _STATEMENTS_WITHOUT_VALUES):
            self.is_opaque = True

    def _note_effects(self, call: ast.Call) -> None:
        """A call may store its arguments in the arrays that it gets, and in the object of which it is a method."""
        if _called(call) in _CONSTANT_CALLS or _called(call) in _HARMLESS_CALLS:
            return
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        changed = [node.id for node in (*given, base) if isinstance(node, ast.Name) and node.id not in _MODULES]
        for name in changed:
            self.sources.setdefault(name, set()).update(value_names(call) - {name})

    def _read_call(self, value: ast.expr) -> None:
        """A call without use of its result may store its arguments in any of its arguments."""
        if not isinstance(value, ast.Call):
            return
        if isinstance(value.func, ast.Name) and value.func.id in _HARMLESS_CALLS:
            return
        names = value_names(value)
        if names & self.parameters:
            self.computes = True
        self.sources.setdefault(_EVERYTHING, set()).update(names)

    def _bind(self, target: ast.expr, value: ast.expr | None, control: set[str]) -> None:
        names = control | (value_names(value) if value is not None else set())
        calls = [n for n in ast.walk(value) if isinstance(n, ast.Call)] if value is not None else []
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                # A position that depends on an argument makes the array depend on it.
                self._note(node.id, names | (value_names(target) - {node.id}), calls)

    def _note(self, name: str, names: set[str], calls: list[ast.Call]) -> None:
        self.assigned.add(name)
        self.sources.setdefault(name, set()).update(names)
        self.calls.setdefault(name, []).extend(calls)
        if names & self.parameters:
            self.computes = True


def value_names(expression: ast.AST) -> set[str]:
    """Names whose values an expression uses; ``x.shape``, ``len(x)`` and ``np.zeros_like(x)`` use no value."""
    names: set[str] = set()
    pending: list[ast.AST] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute) and node.attr in _SIZE_ATTRIBUTES:
            continue
        if isinstance(node, ast.Call) and _called(node) in _SIZE_CALLS:
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List):
            pending.append(node.left)  # [None] * K: the number of elements
            continue
        if isinstance(node, ast.Name):
            names.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    return names


def _is_constant(result: ast.expr | None, flow: _Flow) -> bool:
    if result is None:
        return not (flow.computes or flow.acts)
    names = value_names(result)
    if flow.depends(names):
        return False
    calls = [n for n in ast.walk(result) if isinstance(n, ast.Call)]
    return all(_called(call) in _CONSTANT_CALLS for call in [*calls, *flow.calls_behind(names)])


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _is_name(result: ast.expr | None, name: str) -> bool:
    return isinstance(result, ast.Name) and result.id == name


def _parameters(node: Definition) -> list[str]:
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [item.arg for item in [*named, *filter(None, (arguments.vararg, arguments.kwarg))]]


def _results(body: Iterable[ast.AST]) -> Iterator[ast.expr | None]:
    """The results that a function returns or yields, without those of nested functions."""
    for node in body:
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)):
            yield node.value
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _results(ast.iter_child_nodes(node))
