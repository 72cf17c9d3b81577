"""The house: imports and includes run downwards only and in no circle.

Each file says its room and where its tests are; a file above 500 lines says in its first lines why it is long.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "firth"
ROOMS = (
    "cli",
    "checking",
    "compat",
    "estimators",
    "training",
    "models",
    "classification",
    "vectors",
    "formats",
    "kernels",
    "corpus",
    "numerics",
    "native",
    "base",
)
BELOW_EVERY_ROOM = {"errors.py", "_version.py"}
PYTHON_FILES = sorted(PACKAGE.rglob("*.py"))
NATIVE_FILES = sorted(path for ending in ("*.cpp", "*.hpp") for path in PACKAGE.rglob(ending))
EXTRAS = {"matplotlib", "adjustText", "sklearn", "scipy", "zstandard", "ot", "pandas", "networkx", "IPython", "optuna"}
EXTRAS |= {"sqlalchemy"}  # comes with optuna
# A public method may call a room above its own, in one declared place: the import is made when the method is called.
DECLARED_CALLS = {"models/model.py": "firth.training"}  # Model.train_more
FOLDERS_IN_ROOMS = {"training": ("run", "loop")}  # from the roof down, as ROOMS
# Folders of native/cpp, and the folders that each may include from. A generated header has no folder.
CPP = PACKAGE / "native" / "cpp"
MAY_INCLUDE = {
    "base": set(),
    "model": {"base"},
    "plan": {"base", "model"},
    "objectives": {"base", "model", "plan"},
    "train": {"base", "model", "plan", "objectives"},
    "text": {"base"},
    "vectors": {"base", "text"},
    "classify": {"base", "text"},
    "graph": {"base"},
}
TESTS = Path(__file__).parent
MAX_LINES, FIRST_LINES = 500, 10
CHECKS_THAT_RAISE = {("kernels/engine.py", "check_finite")}  # to be renamed with the engine
FORBIDDEN = {"gensim", "fasttext", "torch", "pickle5"}


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _room(path: Path) -> str | None:
    """The room of a file; None for the four files above and below the house."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; write the whole name"
            if node.module != "firth":
                yield node.module or "", node.lineno
                continue
            for alias in node.names:  # `from firth import corpus` imports a room
                yield f"firth.{alias.name}", node.lineno


def test_every_room_is_known() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == set(ROOMS)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", *BELOW_EVERY_ROOM}


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_imports_run_downwards_only(path: Path) -> None:
    room = _room(path)
    if room is None and path.name not in BELOW_EVERY_ROOM:
        return  # the roof: it may name everything
    for module, line in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = module.split(".")
        if parts[0] != "firth":
            continue
        assert room is not None, f"{path}:{line}: {path.name} is below every room, yet it imports {module}"
        assert module != "firth", f"{path}:{line}: {room} imports the roof; firth._version has the version"
        if module in ("firth.errors", "firth._version"):
            continue
        assert parts[1] in ROOMS, f"{path}:{line}: {module} is no room"
        if module.startswith(DECLARED_CALLS.get(_name(path), "no call")):
            continue
        assert ROOMS.index(parts[1]) >= ROOMS.index(room), f"{path}:{line}: {room} imports {module}, which is above it"
        folders = FOLDERS_IN_ROOMS.get(room, ())
        own_folder = path.relative_to(PACKAGE).parts[1]
        if parts[1] == room and own_folder in folders and len(parts) > 2 and parts[2] in folders:
            assert folders.index(parts[2]) >= folders.index(own_folder), (
                f"{path}:{line}: {room}/{own_folder} imports {module}, which is above it"
            )


def _module(path: Path) -> str:
    parts = ["firth", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_modules() -> dict[str, set[str]]:
    """For each module below the roof, the modules of firth that it imports, at any level and for types alone too."""
    modules = {_module(path): path for path in PYTHON_FILES if _name(path) not in ("__init__.py", "__main__.py")}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]  # of a folder's modules, or in a module
                imported |= {name if name in modules else node.module or "" for name in names}
        declared = DECLARED_CALLS.get(_name(path), "no call")
        found[module] = {name for name in imported & set(modules) - {module} if not name.startswith(declared)}
    return found


def _circle(imports: dict[str, set[str]]) -> list[str]:
    """A circle of modules that import each other, the first one again at the end; empty where there is none."""
    finished: set[str] = set()

    def follow(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in finished:
            return []
        for imported in sorted(imports[module]):
            circle = follow(imported, [*way, module])
            if circle:
                return circle
        finished.add(module)
        return []

    for module in imports:
        circle = follow(module, [])
        if circle:
            return circle
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    circle = _circle(_imported_modules())
    assert not circle, " imports ".join(circle)


def test_a_circle_is_seen() -> None:
    assert _circle({"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": set()}) == ["a", "b", "c", "a"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    imports = _imported_modules()
    assert "firth.training.loop.loop" in imports["firth.training.run.prepared"]  # in its first lines
    assert "firth.formats.registry" in imports["firth.training.run.start"]  # in a function
    assert "firth.models.model" in imports["firth.training.run.rescue"]  # for types alone


@pytest.mark.parametrize("path", NATIVE_FILES, ids=_name)
def test_includes_of_the_core_run_downwards_only(path: Path) -> None:
    folder = path.relative_to(CPP).parts[0]
    assert folder in MAY_INCLUDE, f"{path}: {folder} is no folder of native/cpp"
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"(?:\./|\.\./)*([^"/]+)/', text)
        if match is not None:
            allowed = {folder, *MAY_INCLUDE[folder]}
            assert match[1] in allowed, f"{path}:{line}: {folder} includes a header of {match[1]}, which is above it"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_first_line_names_the_room(path: Path) -> None:
    first_line = path.read_text(encoding="utf-8").split("\n", 1)[0]
    room = _room(path)
    beginnings = {
        "__init__.py": '"""firth: ',
        "__main__.py": '"""Above every room: ',
        "errors.py": '"""Below every room: ',
        "_version.py": '"""Below every room: ',
    }
    expected = (beginnings[path.name],) if room is None else (f'"""Room {room}: ', f'"""{room}: ')
    assert first_line.startswith(expected), f"{path}: the first line must start with {expected!r}, got {first_line!r}"


@pytest.mark.parametrize("path", NATIVE_FILES, ids=_name)
def test_first_line_of_the_core_names_the_room(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("// Room native"), path


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_only_native_imports_ctypes(path: Path) -> None:
    if _room(path) == "native":
        return
    for module, line in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        assert module.split(".")[0] not in ("ctypes", "_ctypes", "cffi"), f"{path}:{line}"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_numerics_needs_numpy_alone_and_extras_are_imported_where_used(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for module, line in _imports(tree):
        top = module.split(".")[0]
        assert top not in FORBIDDEN, f"{path}:{line}: {module} is for benchmarks and tests alone"
        if _room(path) == "numerics":
            assert top not in EXTRAS | {"rich", "typer", "safetensors"}, f"{path}:{line}: numerics imports {module}"
    if _room(path) == "estimators":
        return  # scikit-learn's classes: that room is loaded with the extra
    at_module_level = ast.Module(body=[node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)])
    for module, line in _imports(at_module_level):
        assert module.split(".")[0] not in EXTRAS, f"{path}:{line}: {module} is an extra; import it where it is used"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_what_is_called_check_reports(path: Path) -> None:
    """A function that returns nothing and raises is called ``validate_...``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef) or not node.name.lstrip("_").startswith("check_"):
            continue
        returns_nothing = isinstance(node.returns, ast.Constant) and node.returns.value is None
        if returns_nothing and (_name(path), node.name) not in CHECKS_THAT_RAISE:
            assert not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)), f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", [*PYTHON_FILES, *NATIVE_FILES], ids=_name)
def test_a_long_file_says_why(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > MAX_LINES:
        assert "long because " in " ".join(lines[:FIRST_LINES]), (
            f"{path} has {len(lines)} lines: split it where it has a natural cut, or say in its first {FIRST_LINES}"
            ' lines that it is "long because ..."'
        )


def _named_tests(path: Path) -> list[str]:
    """The files of tests that a module's docstring names."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return [name for line in re.findall(r"^Tests: (.*)\.$", docstring, re.MULTILINE) for name in line.split(", ")]


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_a_module_has_its_tests(path: Path) -> None:
    """A test file of its name, or one that its docstring names, or the docstring of its folder inside a room."""
    named = _named_tests(path)
    for name in named:
        assert (TESTS.parent / name).is_file(), f"{path} names {name}, which does not exist"
    folder = path.relative_to(PACKAGE).parent
    if path.name == "__init__.py" or folder == Path():
        return
    folders = [folder, *folder.parents][:-1]  # from its own to the room's
    if any((TESTS / part / f"test_{path.stem.lstrip('_')}.py").is_file() for part in folders):
        return
    inside = [PACKAGE / part / "__init__.py" for part in folders[:-1]]
    assert named or any(_named_tests(marker) for marker in inside if marker.exists()), (
        f"{path} has no test_{path.stem}.py; make one, or name the file that tests it in a line"
        ' "Tests: tests/<room>/test_<name>.py." of its docstring'
    )
