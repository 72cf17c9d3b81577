"""Room models: the names of the work folder beside a model and of the files that an unfinished run keeps in it.

Tests: tests/training/test_work_folder.py.
"""

from __future__ import annotations

from pathlib import Path

from firth.base.json_file import read_own_json

WORK_NAME = ".work"
RUN_NAME = "run.json"
RUN_FORMAT = "firth-run"
CORPUS_NAME, HELDOUT_NAME, TEXT_NAME, CHECKPOINT_NAME = "corpus", "heldout", "text", "checkpoint"
PHRASES_NAME = "phrases"
CLASSIFIER_RUN = "classifier"  # "kind" in the record of such a run; a run of word vectors has no kind
CLASSIFIER_ARRAYS = (
    "words",
    "word_offsets",
    "counts",
    "used_buckets",
    "rows",
    "row_offsets",
    "targets",
    "target_offsets",
)
HELDOUT_ARRAYS = ("heldout_rows", "heldout_row_offsets", "heldout_targets", "heldout_target_offsets")
DOCUMENT_ARRAYS = ("tag_ids", "tag_offsets", "tag_numbers", "tag_words", "tag_word_offsets", "tag_earlier_counts")
PAIR_ARRAYS = (
    "pair_contexts",
    "pair_weights",
    "context_counts",
    "context_numbers",
    "context_words",
    "context_word_offsets",
    "heldout_words",
    "heldout_contexts",
    "heldout_weights",
)
ARRAY_NAMES = (
    "sequence_weights",
    "noise_distribution",
    "frozen",
    PHRASES_NAME,
    *CLASSIFIER_ARRAYS,
    *HELDOUT_ARRAYS,
    *DOCUMENT_ARRAYS,
    *PAIR_ARRAYS,
)


def is_classifier_run(output: Path) -> bool:
    """Whether the unfinished run in an output folder trains a classifier."""
    record = read_own_json(output / WORK_NAME / RUN_NAME)
    return record is not None and record.get("kind") == CLASSIFIER_RUN


def resume_command(output: Path) -> str:
    """The command that continues the unfinished run in an output folder."""
    return f"firth {'classify ' if is_classifier_run(output) else ''}train --resume {output}"
