"""Runs the clients: makes an environment for each from PyPI, runs its program, prints client, version and result.

Usage: python tests/clients/run.py [CLIENT ...] [--folder build/clients] [--data FOLDER]

Each client is a file in ``registry/``; docs/fasttext.md and docs/gensim.md say what each shows. An environment is made
anew only where its requirements changed. FIRTH_DATA, or ``--data``, has the files that some programs read.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from client import RUNTIME, Client, all_clients


def make_environment(client: Client, folder: Path) -> Path:
    """The Python of the client's environment, which has what the client requires."""
    target = folder / (client.environment or client.name)
    python, stamp = target / "bin" / "python", target / "requirements.txt"
    requirements = "\n".join([*client.requirements, *(f"{name} alone" for name in client.alone), *RUNTIME])
    if not (stamp.exists() and stamp.read_text() == requirements):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(target)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *client.requirements, *RUNTIME], check=True, capture_output=True)
        if client.alone:
            subprocess.run([*install, "--no-deps", *client.alone], check=True, capture_output=True)
        stamp.write_text(requirements)
    return python


def read_version(client: Client, python: Path) -> str:
    """The version of the client that is installed; "-" where its calls alone are repeated."""
    code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    done = subprocess.run([str(python), "-c", code, client.distribution], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "-"


def link_firth(folder: Path) -> Path:
    """A folder with firth alone, for the path of the environments: the package that this Python imports."""
    spec = importlib.util.find_spec("firth")
    if spec is None or spec.origin is None:
        sys.exit("firth is not installed here: run `make clients`, or give PYTHONPATH=src")
    shelf = folder / "firth-alone"
    shelf.mkdir(parents=True, exist_ok=True)
    link = shelf / "firth"
    if link.is_symlink():
        link.unlink()
    link.symlink_to(Path(spec.origin).parent, target_is_directory=True)
    return shelf


def run_client(client: Client, folder: Path, data: Path | None) -> tuple[str, str, bool]:
    """Version, result in words, and whether the client works."""
    missing = [name for name in client.data if data is None or not (data / name).exists()]
    if missing:
        return "-", f"left out: needs {', '.join(missing)} below FIRTH_DATA", True
    try:
        python = make_environment(client, folder)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return "-", f"no environment: {lines[-1] if lines else error}", False
    environment = {**os.environ, "PYTHONPATH": str(link_firth(folder).resolve())}
    if data is not None:
        environment["FIRTH_DATA"] = str(data)
    with tempfile.TemporaryDirectory() as work:
        started = time.monotonic()
        done = subprocess.run(
            client.command(python.absolute()), env=environment, cwd=work, capture_output=True, text=True, check=False
        )
    version = read_version(client, python)
    if done.returncode == 0:
        return version, f"works ({time.monotonic() - started:.0f} s){f'; {client.note}' if client.note else ''}", True
    print(done.stderr[-4000:], file=sys.stderr)
    lines = done.stderr.strip().splitlines()
    return version, f"FAILS: {lines[-1] if lines else done.returncode}", False


def main() -> int:
    clients = all_clients()
    parser = argparse.ArgumentParser(description="Run other people's programs on firth.")
    parser.add_argument("clients", nargs="*", choices=[[], *clients], help="names; all, if none is given")
    parser.add_argument("--folder", type=Path, default=Path("build/clients"), help="where environments are made")
    parser.add_argument("--data", type=Path, default=os.environ.get("FIRTH_DATA"), help="files of other programs")
    given = parser.parse_args()
    all_work = True
    print(f"firth: {(link_firth(given.folder) / 'firth').resolve()}")
    print(f"{'client':22} {'version':10} result")
    data = None if given.data is None else Path(given.data)
    for name in given.clients or clients:
        version, result, works = run_client(clients[name], given.folder, data)
        all_work &= works
        print(f"{name:22} {version:10} {result}", flush=True)
    return 0 if all_work else 1


if __name__ == "__main__":
    sys.exit(main())
