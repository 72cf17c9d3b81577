"""What a client is: a program of other people that runs on firth with its import lines alone changed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
RUNTIME = ("numpy>=1.24", "safetensors>=0.4", "typer>=0.12", "rich>=13")  # of firth itself


@dataclass(frozen=True)
class Client:
    """A client, in a file of its name in ``registry/``; its program is in ``programs/``.

    Attributes
    ----------
    distribution : str
        The name on PyPI.
    requirements : tuple of str
        What pip installs beside firth's own requirements.
    alone : tuple of str
        What pip installs without its own requirements: a client that pins releases that are not to be had, or that asks
        for large packages which its program does not use.
    changed : tuple of str
        Packages whose import lines are changed; the program's own lines always are.
    modules : tuple of str
        Modules that must be importable for the program to run.
    data : tuple of str
        Files below FIRTH_DATA that the program reads.
    environment : str
        The client whose environment is used, with the same requirements; this client's own if empty.
    note : str
        What the program cannot show, for the table.
    """

    name: str
    distribution: str
    requirements: tuple[str, ...]
    alone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    environment: str = ""
    note: str = ""

    @property
    def program(self) -> Path:
        return HERE / "programs" / f"{self.name}.py"

    def command(self, python: str | Path) -> list[str]:
        """The command that runs the program."""
        return [str(python), str(HERE / "run_on_firth.py"), ",".join(self.changed) or "none", str(self.program)]


def all_clients() -> dict[str, Client]:
    """The clients of the files in ``registry/``, by name."""
    found = {}
    for path in sorted((HERE / "registry").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"clients_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.CLIENT.name == path.stem, f"{path}: the client must have the name of its file"
        found[path.stem] = module.CLIENT
    return found
