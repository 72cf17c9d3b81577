"""Room compat: what a run tells at ``logging.INFO``, in the form of gensim's lines, which programs search.

Source: the lines that gensim 4.4 logs for a small corpus.

Tests: tests/compat/gensim/test_progress.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from firth.models.history import History
from firth.training.loop.callbacks import Callback, TrainingState


def log_counted(logger: logging.Logger, n_types: int, n_words: int, n_sentences: int) -> None:
    """Tell what was counted."""
    logger.info("collected %i word types from a corpus of %i raw words and %i sentences", n_types, n_words, n_sentences)


def log_vocabulary(
    logger: logging.Logger, counts: Mapping[Any, int], report: Mapping[str, int], min_count: int, sample: float
) -> None:
    """Tell what ``prepare_vocab`` chose of all ``counts``."""
    n_types, n_words = len(counts), sum(counts.values())
    kept_types, kept_words = report["num_retained_words"], report["retain_total"]
    logger.info(
        "effective_min_count=%d retains %i unique words (%.2f%% of original %i, drops %i)",
        min_count,
        kept_types,
        _percent(kept_types, n_types),
        n_types,
        n_types - kept_types,
    )
    logger.info(
        "effective_min_count=%d leaves %i word corpus (%.2f%% of original %i, drops %i)",
        min_count,
        kept_words,
        _percent(kept_words, n_words),
        n_words,
        n_words - kept_words,
    )
    logger.info("sample=%g downsamples %i most-common words", sample or 0, report["downsample_unique"])
    logger.info(
        "downsampling leaves estimated %i word corpus (%.1f%% of prior %i)",
        report["downsample_total"],
        _percent(report["downsample_total"], kept_words),
        kept_words,
    )


def log_start(logger: logging.Logger, model: Any, n_threads: int) -> None:
    """Tell with what the model is trained."""
    logger.info(
        "training model with %i workers on %i vocabulary and %i features, using sg=%s hs=%s sample=%s negative=%s"
        " window=%s shrink_windows=%s",
        n_threads,
        len(model.wv),
        model.layer1_size,
        *(model.sg, model.hs, model.sample, model.negative, model.window, model.shrink_windows),
    )


def log_end(logger: logging.Logger, history: History, n_words_in_vocabulary: int, n_words: int) -> None:
    """Tell what was trained on, over all epochs; words are counted before subsampling."""
    seconds = history.train_seconds
    logger.info(
        "training on %i raw words (%i effective words) took %.1fs, %.0f effective words/s",
        n_words,
        n_words_in_vocabulary,
        seconds,
        n_words_in_vocabulary / seconds if seconds else 0,
    )


class ProgressLog(Callback):
    """Logs the progress of each epoch, which has a number from 0, as in gensim.

    Parameters
    ----------
    report_delay : float
        Seconds between two lines, at least one.
    """

    def __init__(self, logger: logging.Logger, report_delay: float) -> None:
        self._logger = logger
        self._delay = report_delay
        self._last = time.monotonic()
        self._words_before = 0.0

    def on_progress(self, state: TrainingState) -> None:
        now = time.monotonic()
        if now - self._last < self._delay:
            return
        self._last = now
        share = min(1.0, max(0.0, state.share_done * state.epochs - (state.epoch - 1)))
        self._logger.info(
            "EPOCH %i - PROGRESS: at %.2f%% words, %.0f words/s", state.epoch - 1, 100 * share, state.words_per_s
        )

    def on_epoch_end(self, state: TrainingState) -> None:
        record, n_words = state.history.epochs[-1], state.history.words_trained - self._words_before
        self._words_before = state.history.words_trained
        self._logger.info(
            "EPOCH %i: training on %i raw words took %.1fs, %.0f words/s",
            record.epoch - 1,
            round(n_words),
            record.seconds,
            record.words_per_s,
        )


def _percent(part: int, whole: int) -> float:
    return 100 * part / max(whole, 1)


__all__ = ["ProgressLog", "log_counted", "log_end", "log_start", "log_vocabulary"]
