"""A mapped matrix stays mapped: what look-ups touch, what queries take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.vectors import PackedWords

N_WORDS, N_DIMS = 200_000, 200  # 160 MB

CHILD = """
import json, sys, threading
import numpy as np
import firth, firth.vectors

def resident():
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file if line.startswith("Rss"))
    return {name: int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile")}

folder, n_words, n_dims, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
base = resident()
words = firth.vectors.PackedWords(
    np.load(folder + "/bytes.npy", mmap_mode="r"), np.load(folder + "/offsets.npy", mmap_mode="r")
)
matrix = np.memmap(folder + "/matrix.f32", dtype=dtype, mode="r").reshape(n_words, -1)
vectors = firth.vectors.WordVectors(words, matrix)
before = resident()
for i in range(0, n_words, n_words // 100):
    vectors[f"w{i}"]
    vectors.similarity(f"w{i}", f"w{n_words - 1 - i}")
    "nobody" in vectors
looked_up = resident()
peak, stop = 0.0, threading.Event()

def watch():
    global peak
    while not stop.wait(0.005):
        peak = max(peak, resident()["RssAnon"])

thread = threading.Thread(target=watch)
thread.start()
vectors.most_similar("w5")
vectors.neighbors([f"w{i}" for i in range(200)])
vectors.most_similar(["w1", "w2"], ["w3"], method="multiply")
vectors.most_similar("w5", candidates=[f"w{i}" for i in range(0, n_words, 7)])
stop.set()
thread.join()
queried = resident()
print(json.dumps({
    "mapped": np.shares_memory(vectors.matrix, matrix),
    "file_looked_up": looked_up["RssFile"] - before["RssFile"],
    "file_queried": queried["RssFile"] - before["RssFile"],
    "peak": peak - base["RssAnon"],
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapped")
    rng = np.random.default_rng(0)
    with (folder / "matrix.f32").open("wb") as file:
        for _ in range(0, N_WORDS, 20_000):
            rng.standard_normal((20_000, N_DIMS), dtype=np.float32).tofile(file)
    packed = PackedWords.from_words(f"w{i}" for i in range(N_WORDS))
    np.save(folder / "bytes.npy", packed.word_bytes)
    np.save(folder / "offsets.npy", packed.offsets)
    return folder


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc/self/status")
def test_a_mapped_matrix_is_not_copied(folder: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(N_WORDS), str(N_DIMS), "float32"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(child.stdout)
    assert found["mapped"]
    assert found["file_looked_up"] < 20  # of 160 MB
    assert found["file_queried"] > 150  # read, in pages that other processes share
    assert found["peak"] < 100  # a copy would be 160
