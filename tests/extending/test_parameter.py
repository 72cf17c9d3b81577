"""A parameter is its field in TrainingConfig and the line that uses it: two files, and everything else follows."""

from __future__ import annotations

import json
from typing import Any

TRAIN = """
import json, sys, warnings
import numpy as np
import firth
from firth.kernels.config import TrainingConfig

warnings.filterwarnings("ignore", "the vectors have learned nothing")
lines = [[f"w{(start * 7 + step * step) % 30}" for step in range(12)] for start in range(200)]

def train(output=None, **parameters):
    return firth.train(lines, output=output, dims=8, min_count=1, epochs=2, subsample=0.0, threads=1,
                       progress=False, **parameters)

def same(a, b):
    pairs = (a.vectors.matrix, b.vectors.matrix), (a.output_vectors, b.output_vectors)
    return all(np.array_equal(*pair) for pair in pairs)

plain, still = train(learning_rate=0.05), train(rate_factor=0.0)
saved = train(output=sys.argv[1], learning_rate=0.025, rate_factor=2.0)
loaded = firth.load(sys.argv[1])
stays = not still.output_vectors.any()
print(json.dumps({
    "learned nothing at 0": stays,
    "twice half the rate": same(plain, saved),
    "differs from the plain run": not same(plain, train(learning_rate=0.025)),
    "loaded": loaded.config.rate_factor,
    "json": TrainingConfig.from_json(json.loads(json.dumps(saved.config.to_json()))) == saved.config,
}))
"""


def test_a_parameter_touches_two_files(extended: Any) -> None:
    assert extended.touched == ["kernels/config.py", "native/cpp/train/train.hpp"]


def test_the_value_arrives_natively_and_in_config_json(extended: Any, tmp_path: Any) -> None:
    done = extended.run(["-c", TRAIN, str(tmp_path / "model")])
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout) == {
        "learned nothing at 0": True,
        "twice half the rate": True,
        "differs from the plain run": True,
        "loaded": 2.0,
        "json": True,
    }
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert '"rate_factor": 2.0' in json.dumps(config)


def test_the_flag_is_in_the_help(extended: Any) -> None:
    done = extended.run(["-m", "firth", "train", "--help"], COLUMNS="160")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "--rate-factor" in done.stdout
    assert "A factor of every step." in done.stdout


def test_a_bad_value_is_refused(extended: Any) -> None:
    done = extended.run(["-m", "firth", "train", "x.txt", "-o", "m", "--rate-factor", "-1"])
    assert done.returncode == 2
    assert "--rate-factor must be at least 0, got -1" in done.stderr
