"""Programs that stand on gensim or fastText, run on firth with their import lines alone changed.

They run in interpreters of their own, since some pin other versions than firth's tests. `make clients` makes one for
each client in build/clients; FIRTH_CLIENTS_PYTHON is one for all.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src"
ENVIRONMENTS = Path(os.environ.get("FIRTH_CLIENTS", HERE.parents[1] / "build" / "clients"))

sys.path.insert(0, str(HERE))
from client import Client, all_clients  # noqa: E402

CLIENTS = all_clients()


def _python_of(client: Client) -> str:
    own = ENVIRONMENTS / (client.environment or client.name) / "bin" / "python"
    return os.environ.get("FIRTH_CLIENTS_PYTHON") or (str(own) if own.exists() else sys.executable)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CLIENTS)
def test_client(name: str, tmp_path: Path) -> None:
    client = CLIENTS[name]
    python = _python_of(client)
    probe = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))"
    if subprocess.run([python, "-c", probe, *client.modules, "safetensors"], check=False).returncode:
        pytest.skip(f"{', '.join(client.modules)}: not installed in {python}; run `make clients`")
    data = Path(os.environ.get("FIRTH_DATA", ""))
    if client.data and ("FIRTH_DATA" not in os.environ or not all((data / file).exists() for file in client.data)):
        pytest.skip(f"FIRTH_DATA is not set, or has not {', '.join(client.data)}")
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        client.command(python), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_has_a_program_and_requirements_that_pin_what_changes(name: str) -> None:
    client = CLIENTS[name]
    assert client.program.exists()
    assert client.modules, "the test must know what to look for"
    if client.environment:
        other = CLIENTS[client.environment]
        assert (client.requirements, client.alone) == (other.requirements, other.alone)
    assert client.command("python")[2] == (",".join(client.changed) or "none")
