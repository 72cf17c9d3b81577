"""Programs that stand on gensim, run on firth with their import lines alone changed.

They run in an interpreter of their own, since some pin other versions than firth's tests: FIRTH_CLIENTS_PYTHON, or
this one. docs/gensim.md tells how to make it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src"
PYTHON = os.environ.get("FIRTH_CLIENTS_PYTHON", sys.executable)

CLIENTS = {
    "pecanpy_karate": ["pecanpy"],
    "node2vec_karate": ["node2vec", "gensim"],  # it asks for the version of the installed gensim
    "spec2vec_spectra": ["spec2vec", "matchms"],
    "gensim_tutorials": ["numpy"],
    "gensim_fasttext": ["numpy"],
    "karateclub_calls": ["networkx"],
}


@pytest.mark.parametrize("name", CLIENTS)
def test_client(name: str, tmp_path: Path) -> None:
    packages = CLIENTS[name]
    probe = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))"
    if subprocess.run([PYTHON, "-c", probe, *packages, "safetensors"], check=False).returncode:
        pytest.skip(f"{', '.join(packages)}: not installed in {PYTHON}; set FIRTH_CLIENTS_PYTHON")
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    if name in ("gensim_tutorials", "gensim_fasttext"):
        corpus = Path(os.environ.get("FIRTH_DATA", "")) / "interop" / "lee_background.cor"
        if "FIRTH_DATA" not in os.environ or not corpus.exists():
            pytest.skip("FIRTH_DATA is not set: the tutorial's corpus is in it")
        environment["FIRTH_TUTORIAL_CORPUS"] = str(corpus)
    changed = ",".join(package for package in packages if package not in ("gensim", "numpy", "networkx", "matchms"))
    command = [PYTHON, str(HERE / "run_on_firth.py"), changed or "none", str(HERE / "programs" / f"{name}.py")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
