"""What a run tells at logging.INFO: gensim's lines with firth's numbers; nothing at the usual level."""

from __future__ import annotations

import logging
import re

import pytest

from firth.compat.gensim.models import FastText, Word2Vec
from firth.compat.gensim.progress import ProgressLog
from firth.kernels.config import TrainingConfig
from firth.models.history import EpochRecord, History
from firth.training.loop.callbacks import TrainingState

TEXTS = [["a", "b", "c", "d"]] * 30 + [["rare"]]
LOGGER = "firth.compat.gensim.models.word2vec"


def test_lines_of_a_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=LOGGER):
        model = Word2Vec(TEXTS, vector_size=4, min_count=2, sample=0, epochs=2, workers=1)
        model.build_vocab([["a", "e"]] * 3, update=True)
        model.estimate_memory()
    text = "\n".join(record.getMessage() for record in caplog.records)
    for line in (
        "collecting all words and their counts",
        "collected 5 word types from a corpus of 121 raw words and 31 sentences",
        "Creating a fresh vocabulary",
        "effective_min_count=2 retains 4 unique words (80.00% of original 5, drops 1)",
        "effective_min_count=2 leaves 120 word corpus (99.17% of original 121, drops 1)",
        "sample=0 downsamples 0 most-common words",
        "downsampling leaves estimated 120 word corpus (100.0% of prior 120)",
        "deleting the raw counts dictionary of 5 items",
        "resetting layer weights",
        "training model with 1 workers on 4 vocabulary and 4 features, using sg=0 hs=0 sample=0 negative=5 window=5",
        "EPOCH 0: training on 121 raw words took ",
        "EPOCH 1: training on 121 raw words took ",
        "training on 242 raw words (240 effective words) took ",
        "Updating model with new vocabulary",
        "updating layer weights",
        "estimated required memory for 5 words and 4 dimensions: 2660 bytes",
    ):
        assert line in text, line


def test_lines_of_gensim(caplog: pytest.LogCaptureFixture) -> None:
    models = pytest.importorskip("gensim.models")
    options = {"vector_size": 4, "min_count": 2, "sample": 0.01, "epochs": 1, "workers": 1}
    with caplog.at_level(logging.INFO):
        models.Word2Vec(TEXTS, **options)
        theirs = [record.getMessage() for record in caplog.records]
        caplog.clear()
        Word2Vec(TEXTS, **options)
        ours = [record.getMessage() for record in caplog.records]
    shared = [line for line in ours if any(line in other for other in theirs)]
    assert len(shared) >= 7
    assert [line for line in ours if line.startswith("collected")] == [
        line for line in theirs if line.startswith("collected")
    ]


def test_silent_at_the_usual_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        FastText(TEXTS, vector_size=4, min_count=2, sample=0, bucket=20, workers=1)
    assert not caplog.records


def test_progress_within_an_epoch(caplog: pytest.LogCaptureFixture) -> None:
    history = History(epochs=[EpochRecord(1, 2.0, 10, 500.0, 0.02, 0.25)], words_trained=125.0)
    config = TrainingConfig()

    def fail() -> None:
        raise AssertionError("progress needs no vectors")

    state = TrainingState(2, 4, 0.375, 500.0, 0.02, 2.0, None, 1.0, history, config, fail, fail)  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO, logger=LOGGER):
        quick, slow = (ProgressLog(logging.getLogger(LOGGER), delay) for delay in (0.0, 1e6))
        for log in (quick, slow):
            log.on_progress(state)
        quick.on_epoch_end(state)
    assert [record.getMessage() for record in caplog.records] == [
        "EPOCH 1 - PROGRESS: at 50.00% words, 500 words/s",
        "EPOCH 0: training on 125 raw words took 0.2s, 500 words/s",
    ]
    assert re.fullmatch(r"EPOCH \d+ - PROGRESS: at [\d.]+% words, \d+ words/s", caplog.records[0].getMessage())
