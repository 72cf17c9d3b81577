"""Room compat: gensim.models.callbacks: user code that runs before and after training and each epoch.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firth.compat.gensim.refused import stand_in_for

if TYPE_CHECKING:
    from firth.compat.gensim.models.word2vec import Word2Vec


class CallbackAny2Vec:
    """Base class of callbacks; override the methods that you need.

    All methods run in the main thread, while no thread trains, and get the current model. To end the training, raise
    ``firth.StopTraining`` in ``on_epoch_end``.
    """

    def on_train_begin(self, model: Word2Vec) -> None:
        """Before the first epoch."""

    def on_train_end(self, model: Word2Vec) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, model: Word2Vec) -> None:
        """Before each epoch."""

    def on_epoch_end(self, model: Word2Vec) -> None:
        """After each epoch."""


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = ["CallbackAny2Vec"]
