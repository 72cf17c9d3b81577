"""Room checking: finds files, the functions in them, and their kinds by well-known names; runs no code of the files."""

from __future__ import annotations

import ast
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.errors import ParameterError, StorageError

GENERIC_KIND = "f"

# Kind -> its names in the editions of the course, in lower case and without underscores.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "sigmoid": ("sigmoid",),
    "sigmoid_grad": ("sigmoidgrad",),
    "softmax": ("softmax",),
    "affine_forward": ("affineforward",),
    "affine_backward": ("affinebackward",),
    "sigmoid_forward": ("sigmoidforward",),
    "sigmoid_backward": ("sigmoidbackward",),
    "normalizeRows": ("normalizerows", "normaliserows"),
    "forward_backward_prop": ("forwardbackwardprop",),
    "softmaxCostAndGradient": (
        "softmaxcostandgradient",
        "softmaxlossandgradient",
        "naivesoftmaxlossandgradient",
        "naivesoftmaxcostandgradient",
    ),
    "negSamplingCostAndGradient": (
        "negsamplingcostandgradient",
        "negsamplinglossandgradient",
        "negativesamplingcostandgradient",
        "negativesamplinglossandgradient",
    ),
    "getNegativeSamples": ("getnegativesamples",),
    "skipgram": ("skipgram",),
    "cbow": ("cbow",),
}
KINDS = (*KNOWN_NAMES, GENERIC_KIND)
_KIND_OF_NAME = {name: kind for kind, names in KNOWN_NAMES.items() for name in names}
_GENERIC_ALIASES = ("f", "f(x)", "generic", "function")

# Without a request, a function f(x) is graded as a loss with its gradient only if its text suggests it; see
# `_looks_generic`.
_GRADIENT_WORDS = re.compile(r"grad|loss|cost|objective|energy", re.IGNORECASE)

MAX_SOURCE_BYTES = 32 << 20  # large, because notebooks contain pictures

# Magics after which the rest of the cell is still Python.
_TRANSPARENT_CELL_MAGICS = ("time", "timeit", "capture", "prun")


@dataclass(frozen=True)
class SourceUnit:
    """The Python text of a file or of one code cell of a notebook."""

    label: str
    source: str | bytes


@dataclass(frozen=True)
class FoundFunction:
    """A function to grade. ``certain`` is False for an f(x) that was not requested; its result then decides."""

    name: str
    kind: str
    line: int = 0
    certain: bool = True


@dataclass(frozen=True)
class Target:
    """One file to check, and the requested function; ``error`` is set for a folder that cannot be read."""

    path: Path
    function: str | None = None
    asked_for: bool = True
    error: str | None = None


def normalize_name(name: str) -> str:
    return name.replace("_", "").lower()


def kind_of_name(name: str) -> str | None:
    """The kind for a well-known name, ignoring case and underscores; None for another name."""
    return _KIND_OF_NAME.get(normalize_name(name))


def parse_kind(text: str) -> str:
    """The kind for the value of ``--like``: one of KINDS, or a well-known name of such functions.

    Raises
    ------
    ParameterError
    """
    if text in KINDS:
        return text
    if text.lower() in _GENERIC_ALIASES:
        return GENERIC_KIND
    kind = kind_of_name(text)
    if kind is None:
        raise ParameterError(f"--like must be one of {', '.join(KINDS)}, got {text!r}")
    return kind


def find_files(paths: Iterable[str | Path]) -> list[Target]:
    """The files of the arguments: FILE, FILE:FUNCTION, and all .py and .ipynb files in a folder, sorted.

    Raises
    ------
    StorageError
        A path does not exist.
    """
    targets: list[Target] = []
    for argument in paths:
        path = Path(argument)
        function = None
        if not path.exists():
            head, colon, tail = str(argument).rpartition(":")
            if colon and tail.isidentifier() and Path(head).exists():
                path, function = Path(head), tail
            else:
                raise StorageError(f"PATH must be a file, FILE:FUNCTION or a folder that exists, got {str(argument)!r}")
        if path.is_dir():
            if function is not None:
                raise StorageError(f"PATH must name a file before ':', got the folder {str(argument)!r}")
            targets.extend(_find_below(path))
        else:
            targets.append(Target(path, function))
    return targets


def _find_below(folder: Path) -> Iterator[Target]:
    """The .py and .ipynb files in a folder and its subfolders, sorted. Links to folders are not followed."""
    found: list[Target] = []

    def note_unreadable(error: OSError) -> None:
        place = Path(error.filename)
        found.append(Target(place, error=f"the folder must be readable, got: {error.strerror}"))

    for place, folders, files in os.walk(folder, onerror=note_unreadable):
        folders[:] = [name for name in folders if not (name.startswith(".") or name == "__pycache__")]
        for name in files:
            path = Path(place, name)
            if path.suffix in (".py", ".ipynb") and not name.startswith(".") and _may_be_a_file(path):
                found.append(Target(path, asked_for=False))
    yield from sorted(found, key=lambda target: target.path)


def _may_be_a_file(path: Path) -> bool:
    """Whether a path is a regular file, or its type cannot be determined; reading it then raises the error."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False  # a broken link
    except OSError:
        return True


def read_source(path: Path) -> bytes:
    """Read the bytes of a file.

    Raises
    ------
    StorageError
        The file cannot be read, is not a regular file (a pipe would block), or is too large to be a program.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StorageError(f"{path} must be a regular file, got a pipe, a socket or a device")
            data = handle.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} must be readable, got: {error.strerror}") from error
    if len(data) > MAX_SOURCE_BYTES:
        raise StorageError(f"{path} must have at most {MAX_SOURCE_BYTES >> 20} MiB to be checked, got more")
    return data


def split_units(file: str, data: bytes) -> list[SourceUnit]:
    """The Python text of a file: one unit for a module, or one for each code cell of a notebook.

    Raises
    ------
    ParameterError
    """
    if not file.endswith(".ipynb"):
        return [SourceUnit(file, data)]
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
        sheets = notebook.get("worksheets", [notebook])
        cells = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
        sources = [cell.get("source", cell.get("input", "")) for cell in cells]
        texts = ["".join(source) for source in sources]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"{file} must be a Jupyter notebook, got {type(error).__name__}: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ParameterError(f"{file} must be a Jupyter notebook, got JSON that is nested too deeply") from error
    return [SourceUnit(f"{file}#cell {i}", without_magics(text)) for i, text in enumerate(texts, start=1)]


def without_magics(cell: str) -> str:
    """A notebook cell with empty lines in place of IPython lines (``%magic``, ``!command``, ``help?``).

    Line numbers do not change. A cell with a magic of another language (``%%bash``, ``%%html``) becomes empty.
    """
    lines = cell.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%"):
        magic = first[2:].split()[0] if first[2:].split() else ""
        if magic not in _TRANSPARENT_CELL_MAGICS:
            return ""
    try:
        ast.parse(cell)
        return cell  # valid Python: a line that begins with % continues an expression
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # reported later, when the whole file is parsed
    kept = []
    for line in lines:
        stripped = line.strip()
        is_magic = stripped.startswith(("%", "!", "?")) or (
            stripped.endswith("?") and not stripped.startswith("#") and " " not in stripped
        )
        assigned = re.match(r"\s*[\w, ]+=\s*[!%]", line)
        indent = line[: len(line) - len(line.lstrip())]
        kept.append(f"{indent}pass" if is_magic or assigned else line)
    return "\n".join(kept)


def describe_syntax_error(unit: SourceUnit, error: SyntaxError | ValueError) -> str:
    """The text ``line 12: Missing parentheses in call to 'print' ...``, with the cell number for a notebook."""
    cell = unit.label.rpartition("#")[2] + ", " if "#cell " in unit.label else ""
    if not isinstance(error, SyntaxError):
        return f"{cell}does not parse: {error}"
    line = f"line {error.lineno}: " if error.lineno else ""
    hint = ""
    if "print" in (error.msg or "") or "exec" in (error.msg or ""):
        hint = " (Python 2; convert the file with 2to3)"
    return f"{cell}{line}does not parse: {error.msg}{hint}"


def find_functions(
    trees: Iterable[ast.Module], *, function: str | None = None, like: str | None = None
) -> list[FoundFunction]:
    """The functions to grade among the definitions at the top level. If a name is defined twice, the last one counts.

    Parameters
    ----------
    trees : parsed units
    function : str, optional
        Grade only this function. Its kind is ``like``, else the kind of its name, else f(x).
    like : str, optional
        Without ``function``: the kind of every function whose name has no kind. If a file has functions with
        well-known names of this kind, only these are graded.
    """
    defined: dict[str, ast.FunctionDef | ast.Lambda] = {}
    lines: dict[str, int] = {}
    checked_names: set[str] = set()
    for tree in trees:
        for name, node in _definitions(tree.body):
            defined.pop(name, None)
            defined[name] = node
            lines[name] = node.lineno
        checked_names |= _names_given_to_gradient_checks(tree)
    if function is not None:
        if function not in defined:
            return []
        kind = like or kind_of_name(function) or GENERIC_KIND
        return [FoundFunction(function, kind, lines[function])]
    known = {name: found_kind for name in defined if (found_kind := kind_of_name(name)) is not None}
    if like is not None:
        same = [name for name, kind in known.items() if kind == like]
        chosen = same or [name for name in defined if name not in known and _fits(defined[name], like)]
        return [FoundFunction(name, like, lines[name]) for name in chosen]
    found = [FoundFunction(name, kind, lines[name]) for name, kind in known.items()]
    for name, node in defined.items():
        if name not in known and _looks_generic(name, node, name in checked_names):
            found.append(FoundFunction(name, GENERIC_KIND, lines[name], certain=False))
    return found


def _definitions(body: list[ast.stmt]) -> Iterable[tuple[str, ast.FunctionDef | ast.Lambda]]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif isinstance(statement, (ast.If, ast.Try)):
            if isinstance(statement, ast.If) and is_main_block(statement):
                continue
            yield from _definitions(statement.body)
            for handler in getattr(statement, "handlers", []):
                yield from _definitions(handler.body)
            yield from _definitions(statement.orelse)


def is_main_block(statement: ast.If) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test))


def _required(node: ast.FunctionDef | ast.Lambda) -> int:
    positional = [*node.args.posonlyargs, *node.args.args]
    n_keyword_only = sum(default is None for default in node.args.kw_defaults)
    return len(positional) - len(node.args.defaults) + n_keyword_only


def _fits(node: ast.FunctionDef | ast.Lambda, kind: str) -> bool:
    """Whether a function can be of the kind: it takes an argument and returns a value. Helpers often do neither."""
    if not (node.args.args or node.args.posonlyargs or node.args.vararg):
        return False
    if kind == GENERIC_KIND and _required(node) != 1:
        return False
    return isinstance(node, ast.Lambda) or any(result is not None for result in _returned(node))


def _returned(node: ast.FunctionDef) -> list[ast.expr | None]:
    results: list[ast.expr | None] = []
    pending: list[Any] = list(node.body)
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Return):
            results.append(item.value)
        elif not isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            pending.extend(ast.iter_child_nodes(item))
    return results


def _looks_generic(name: str, node: ast.FunctionDef | ast.Lambda, given_to_a_check: bool) -> bool:
    """Whether a function looks like f(x) -> (loss, gradient).

    It has one required argument, every return is a pair, and its name or the second part of the pair mentions a
    gradient; or the file passes the function to a gradient checker.
    """
    if _required(node) != 1:
        return False
    results = [node.body] if isinstance(node, ast.Lambda) else _returned(node)
    pairs = [result for result in results if isinstance(result, ast.Tuple) and len(result.elts) == 2]
    if not results or len(pairs) != len(results):
        return False
    if given_to_a_check or _GRADIENT_WORDS.search(name):
        return True
    return all(any(map(_GRADIENT_WORDS.search, _words(pair.elts[1]))) for pair in pairs)


def _words(expression: ast.expr) -> Iterator[str]:
    """The names in an expression. `ast.unparse` is not used, because it recurses and fails on sums of many terms."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _names_given_to_gradient_checks(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if "gradcheck" in normalize_name(called) or "checkgrad" in normalize_name(called):
                names.add(node.args[0].id)
    return names
