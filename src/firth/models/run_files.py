"""Room models: the names of the work folder beside a model and of the files that an unfinished run keeps in it.

Tests: tests/training/test_work_folder.py.
"""

from __future__ import annotations

WORK_NAME = ".work"
RUN_NAME = "run.json"
RUN_FORMAT = "firth-run"
CORPUS_NAME, HELDOUT_NAME, TEXT_NAME, CHECKPOINT_NAME = "corpus", "heldout", "text", "checkpoint"
PHRASES_NAME = "phrases"
ARRAY_NAMES = ("sequence_weights", "noise_distribution", "frozen", PHRASES_NAME)
