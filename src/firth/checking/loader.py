"""Room checking: executes a file's definitions, imports and constants, but never its script body; child only."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import importlib.util
import linecache
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from firth.checking.discovery import SourceUnit, is_main_block
from firth.checking.older import OldNumPy
from firth.checking.subject import TimeLimitError
from firth.checking.supplied import (
    COURSE_FUNCTIONS,
    COURSE_MODULES,
    REMOVED_NUMPY_NAMES,
    SUPPLIED_NAMES,
    SuppliedModule,
    make_module,
    restore_removed_numpy_names,
)

# Calls that make a constant: no state, no file, no draw.
_PURE_BUILTINS = frozenset(
    [
        "float",
        "int",
        "str",
        "bool",
        "len",
        "list",
        "tuple",
        "dict",
        "set",
        "frozenset",
        "range",
        "xrange",
        "min",
        "max",
        "sum",
        "abs",
    ]
)
_PURE_FUNCTIONS = frozenset(["namedtuple", "partial", "OrderedDict", "defaultdict", "Counter"])
_PURE_NUMPY = frozenset(
    [
        "array",
        "asarray",
        "zeros",
        "ones",
        "zeros_like",
        "ones_like",
        "full",
        "eye",
        "arange",
        "linspace",
        "finfo",
        "iinfo",
        "log",
        "log2",
        "exp",
        "sqrt",
        "vectorize",
        "frompyfunc",
        "float32",
        "float64",
        "int32",
        "int64",
        "dtype",
        "abs",
        "maximum",
        "minimum",
    ]
)
_NUMPY_NAMES = ("np", "numpy", "math")

# Installed modules that take long to import and that no gradient needs: supplied as if missing.
_NEVER_IMPORTED = frozenset(
    """
    matplotlib pylab seaborn pandas tensorflow torch keras theano nltk gensim
    antigravity this idlelib turtle tkinter
    """.split()  # noqa: SIM905  # the second line's open windows, or print
)


_MISSING = object()  # not None, which is the value of numpy.newaxis


@dataclass
class LoadedFile:
    """The result of executing the definitions of a file.

    Attributes
    ----------
    namespace : dict
        The file's global names.
    labels : tuple of str
        File names of the code objects, which identify the author's lines in a traceback.
    failures : dict
        Definitions that could not be executed: their names, with the exceptions.
    supplied_modules : dict
        Names bound by imports of supplied modules, with the name of the module.
    old_numpy : OldNumPy, optional
        The rules by which the file's expressions are rewritten.
    """

    namespace: dict[str, Any]
    labels: tuple[str, ...]
    failures: dict[str, BaseException] = field(default_factory=dict)
    supplied_modules: dict[str, str] = field(default_factory=dict)
    old_numpy: OldNumPy | None = None

    def replace_supplied(self, own: Mapping[str, Callable[..., Any]]) -> None:
        """Replace the supplied functions by the author's own functions of the same names."""
        for name, function in own.items():
            supplied = COURSE_FUNCTIONS[name]
            for bound in [key for key, value in self.namespace.items() if value is supplied]:
                self.namespace[bound] = function
                self.supplied_modules.pop(bound, None)
            self.namespace.setdefault(name, function)
        for module in [m for m in sys.modules.values() if isinstance(m, SuppliedModule)]:
            module.__dict__.update(own)

    def supplied_for(self, name: str) -> tuple[str, ...]:
        """Names that the function ``name`` uses, directly or through functions of this file, and that were supplied."""
        used: set[str] = set()
        seen: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            function = self.namespace.get(current)
            for global_name, attributes in _global_names(function):
                if global_name in self.supplied_modules:
                    used.add(f"{global_name} (module {self.supplied_modules[global_name]})")
                elif global_name in self.namespace:
                    pending.append(global_name)
                elif global_name in SUPPLIED_NAMES and not hasattr(builtins, global_name):
                    used.add(global_name)
                if self.namespace.get(global_name, SUPPLIED_NAMES.get(global_name)) is np:
                    used.update(f"np.{name}" for name in attributes & _REMOVED_NAMES)
        return tuple(sorted(used))


# The aliases that this NumPy lacks; determined before they are restored.
_REMOVED_NAMES = frozenset(name for name in REMOVED_NUMPY_NAMES if name not in np.__dict__)


def parse_units(units: Sequence[SourceUnit]) -> Iterator[tuple[SourceUnit, ast.Module | SyntaxError | ValueError]]:
    """Yield each unit with its syntax tree, or with the error that prevents parsing."""
    for unit in units:
        try:
            yield unit, ast.parse(unit.source, filename=unit.label)
        except (SyntaxError, ValueError) as error:
            yield unit, error
        except (RecursionError, MemoryError) as error:
            yield unit, ValueError(f"too deeply nested ({type(error).__name__})")
        except (
            LookupError,
            TypeError,
            OverflowError,
        ) as error:  # the coding line names an encoding that is unknown or not for text
            yield unit, ValueError(f"{type(error).__name__}: {error}")


def load_units(units: Sequence[SourceUnit], folder: Path, *, old_numpy: OldNumPy | None = None) -> LoadedFile:
    """Execute the definitions, imports and constants of the units that parse, each statement by itself.

    Names of the course and of Python 2 are added to the builtins of the file, so a name that the file defines or
    imports has priority. With ``old_numpy`` the file's expressions follow the rules of NumPy 1.
    """
    restore_removed_numpy_names()
    namespace: dict[str, Any] = {"__name__": "graded", "__file__": str(folder), "__package__": ""}
    namespace["__builtins__"] = {**builtins.__dict__, **SUPPLIED_NAMES}
    loaded = LoadedFile(namespace, tuple(unit.label for unit in units))
    trees = [(unit, tree) for unit, tree in parse_units(units) if isinstance(tree, ast.Module)]
    for unit, _ in trees:
        _keep_lines(unit)
    if old_numpy is not None:
        loaded.old_numpy = old_numpy
        namespace["__builtins__"].update(old_numpy.helpers)
    used = set().union(*(_names_in_definitions(tree) for _, tree in trees)) if trees else set()
    for unit, tree in trees:
        for statement in _kept(tree.body):
            _execute(statement, unit.label, loaded, used, folder)
    return loaded


def _keep_lines(unit: SourceUnit) -> None:
    """Register the text for tracebacks, so that they work in any current folder and for cells of notebooks."""
    source = unit.source
    text = importlib.util.decode_source(source) if isinstance(source, bytes) else source
    linecache.cache[unit.label] = (len(text), None, text.splitlines(keepends=True), unit.label)


def _kept(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Definitions, imports and constants, also inside ``if`` and ``try``; no other statement of the script body."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)) or (
            isinstance(statement, (ast.Assign, ast.AnnAssign)) and _is_constant_assignment(statement)
        ):
            yield statement
        elif isinstance(statement, ast.Try):
            handlers = [
                ast.ExceptHandler(handler.type, handler.name, list(_kept(handler.body)) or [ast.Pass()])
                for handler in statement.handlers
            ]
            # Not executed as a `try`: a missing module is supplied, so the first branch applies.
            yield from _kept(statement.body)
            if not any(isinstance(inner, (ast.Import, ast.ImportFrom)) for inner in statement.body):
                for handler in handlers:
                    yield from (inner for inner in handler.body if not isinstance(inner, ast.Pass))
            yield from _kept(statement.orelse)
        elif isinstance(statement, ast.If) and not is_main_block(statement) and _is_pure(statement.test):
            branch = ast.If(statement.test, list(_kept(statement.body)), list(_kept(statement.orelse)))
            if branch.body or branch.orelse:
                branch.body = branch.body or [ast.Pass()]
                yield ast.fix_missing_locations(ast.copy_location(branch, statement))


def _is_constant_assignment(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = all(
        isinstance(target, ast.Name)
        or (isinstance(target, ast.Tuple) and all(isinstance(item, ast.Name) for item in target.elts))
        for target in targets
    )
    return names and statement.value is not None and _is_pure(statement.value)


def _is_pure(expression: ast.expr) -> bool:
    if isinstance(expression, ast.Lambda):
        return True
    for node in ast.walk(expression):
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            return False
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                pure = function.id in _PURE_BUILTINS or function.id in _PURE_FUNCTIONS
            else:
                pure = (
                    isinstance(function, ast.Attribute)
                    and isinstance(function.value, ast.Name)
                    and (
                        (function.value.id in _NUMPY_NAMES and function.attr in _PURE_NUMPY)
                        or function.attr in _PURE_FUNCTIONS
                    )
                )
            if not pure:
                return False
    return True


def _names_in_definitions(tree: ast.Module) -> set[str]:
    """Names read outside the script body. An import that only the script body uses (for plots) is not executed."""
    names: set[str] = set()
    for statement in _kept(tree.body):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            names.update(node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
    return names


def _execute(statement: ast.stmt, label: str, loaded: LoadedFile, used: set[str], folder: Path) -> None:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            if bound in used:
                _import(alias.name, folder)
                whole = alias.name if alias.asname else bound
                loaded.namespace[bound] = sys.modules[whole]
                _note_module(loaded, bound, sys.modules[whole])
        return
    if isinstance(statement, ast.ImportFrom):
        _import_from(statement, loaded, used, folder)
        return
    try:
        module = ast.Module([statement], [])
        if loaded.old_numpy is not None:
            module = loaded.old_numpy.rewrite(module, label)
        code = compile(module, label, "exec")
        with np.errstate(all="ignore"):
            exec(code, loaded.namespace)
    except TimeLimitError:
        raise
    except BaseException as error:  # includes sys.exit, which must not end the grading
        # A constant that needs the script body is skipped; a function that cannot be defined is broken.
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            loaded.failures[statement.name] = error


def _import_from(statement: ast.ImportFrom, loaded: LoadedFile, used: set[str], folder: Path) -> None:
    name = statement.module or ""
    if name == "__future__":
        return
    for alias in statement.names:
        bound = alias.asname or alias.name
        if alias.name != "*" and bound not in used:
            continue
        module = _import(name or alias.name, folder)
        if alias.name == "*":
            public = getattr(module, "__all__", [key for key in vars(module) if not key.startswith("_")])
            if not isinstance(module, SuppliedModule):
                loaded.namespace.update({key: getattr(module, key) for key in public})
            # The names of a supplied module are already in the builtins, so `*` must not bind over the file's names.
        elif not name:
            loaded.namespace[bound] = module
            _note_module(loaded, bound, module)
        else:
            value = getattr(module, alias.name, _MISSING)
            if value is _MISSING:
                with contextlib.suppress(ImportError):
                    value = _import(f"{name}.{alias.name}", folder)
            if value is _MISSING:
                value = getattr(make_module(name), alias.name)
            loaded.namespace[bound] = value
            if isinstance(module, SuppliedModule):
                loaded.supplied_modules[bound] = name


def _note_module(loaded: LoadedFile, bound: str, module: types.ModuleType) -> None:
    if isinstance(module, SuppliedModule):
        loaded.supplied_modules[bound] = module.__name__


def _import(name: str, folder: Path) -> types.ModuleType:
    """The module: the course's own, else an installed one, else a file beside the checked one, else a stand-in."""
    top = name.partition(".")[0]
    if top == "pylab":
        return np  # what it is used for in these files: NumPy's names without a prefix
    if top in COURSE_MODULES or top in _NEVER_IMPORTED:
        return _supply(name)
    with contextlib.suppress(Exception):
        if importlib.util.find_spec(top) is not None:
            __import__(name)
            return sys.modules[name]
    if name in sys.modules:
        return sys.modules[name]
    beside = folder.joinpath(*name.split(".")).with_suffix(".py")
    if beside.is_file():
        return _load_beside(name, beside)
    return _supply(name)


def _load_beside(name: str, path: Path) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module  # before execution, because two files may import each other
    inner = load_units([SourceUnit(str(path), path.read_bytes())], path.parent)
    module.__dict__.update(inner.namespace)
    if not any(isinstance(value, types.FunctionType) for value in inner.namespace.values()):
        return _supply(name)  # it did not parse, or is empty
    return module


def _supply(name: str) -> types.ModuleType:
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        whole = ".".join(parts[:i])
        if not isinstance(sys.modules.get(whole), SuppliedModule):
            sys.modules[whole] = make_module(whole)
        if i > 1:
            setattr(sys.modules[".".join(parts[: i - 1])], parts[i - 1], sys.modules[whole])
    return sys.modules[name]


def _global_names(value: Any) -> Iterator[tuple[str, set[str]]]:
    """Yield each global name that a function's code reads, with the attributes that the same code reads."""
    code = getattr(value, "__code__", None)
    pending = [code] if isinstance(code, types.CodeType) else []
    while pending:
        current = pending.pop()
        instructions = list(dis.get_instructions(current))
        attributes = {str(i.argval) for i in instructions if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
        for instruction in instructions:
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                yield str(instruction.argval), attributes
        pending.extend(constant for constant in current.co_consts if isinstance(constant, types.CodeType))
    defaults = getattr(value, "__defaults__", None) or ()
    for default in defaults:
        for name, function in COURSE_FUNCTIONS.items():
            if default is function:
                yield name, set()
