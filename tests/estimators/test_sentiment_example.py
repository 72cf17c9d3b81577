"""examples/sentiment.py, quickly: on the treebank alone, everything that it promises is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentiment.py"


@pytest.mark.slow
@pytest.mark.data
def test_the_sentiment_example(tmp_path):
    data = os.environ.get("FIRTH_DATA")
    if not data:
        pytest.skip("FIRTH_DATA is not set: no treebank")
    command = [sys.executable, str(EXAMPLE), data, "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "results.json").read_text())
    assert len(report["results"]) == 16, "four spaces, two classifiers, two kinds of labels"
    best = max(row["dev"][0] for row in report["results"] if row["vectors"] == "firth, company of labels")
    assert best > 0.36, "one epoch of vectors, one of the classifier: far above the largest class, 0.26"
    for name in ("confusion.png", "regularization.png", "words.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    assert len((tmp_path / "predictions-dev.tsv").read_text().splitlines()) == 1102
    assert len((tmp_path / "worst-errors.tsv").read_text().splitlines()) == 26
