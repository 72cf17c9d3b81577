"""Room compat: gensim.models.word2vec: Word2Vec with firth's training and gensim's rules.

`firth.train` does the training. This module keeps gensim's state (a mutable model, its vocabulary, its learning rates)
and converts gensim's parameters to firth's. docs/gensim.md lists every name.

The file is long because gensim has one class: its vocabulary, training and files change the same attributes.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.owned import OwnedFolder
from firth.compat.gensim.models.keyedvectors import (
    VECTOR_CLASSES,
    KeyedVectors,
    prep_vectors,
    pseudorandom_weak_vector,
)
from firth.compat.gensim.progress import ProgressLog, log_counted, log_end, log_start, log_vocabulary
from firth.compat.gensim.readers import (
    MAX_WORDS_IN_BATCH,
    BrownCorpus,
    LineSentence,
    PathLineSentences,
    Text8Corpus,
    as_source,
)
from firth.compat.gensim.refused import RemovedNameError, stand_in_for
from firth.compat.gensim.store import as_path, is_ours, read_file, write_file
from firth.compat.gensim.utils import TrimRule, keep_vocab_item
from firth.compat.gensim.word2vec_names import GENSIM_NAMES, REMOVED, SETTINGS
from firth.corpus.encode import encode_corpus
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.rewrite import rewrite_corpus
from firth.corpus.tables import token_rows
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, FirthError, FormatError, ParameterError, TrainingError
from firth.formats.gensim_native import GensimModel, read_model
from firth.kernels.config import TrainingConfig
from firth.models.gensim_models import subsample_share, training_parameters
from firth.models.history import History
from firth.models.model import Model
from firth.numerics.activations import softmax
from firth.numerics.distributions import keep_probabilities, noise_probabilities
from firth.numerics.huffman import HuffmanTree, build_huffman_tree
from firth.numerics.predictions import hierarchical_softmax_loss
from firth.training.loop.callbacks import Callback, TrainingState
from firth.training.run.advice import parameters_named
from firth.training.run.encoding import known_words
from firth.training.run.outcome import empty_epochs_allowed
from firth.training.run.train import train as train_model
from firth.vectors.word_vectors import WordVectors

logger = logging.getLogger(__name__)

FAST_VERSION = 1  # programs warn below 0: gensim's value where its compiled code is missing
SEED_STRIDE = 0x9E3779B97F4A7C15  # added to the seed for each train() call, so that a loop does not repeat draws
CUM_TABLE_DOMAIN = 2**31 - 1


class _Default(int):
    """A default value. Its type distinguishes it from the same number given by the user."""


NEGATIVE = _Default(5)


class WrongModelError(FormatError, AttributeError):
    """The file has another kind of model. Also an AttributeError, which gensim raises."""


class EmptyVocabularyError(CorpusError, TrainingError):
    """No word is left to train on. Also a RuntimeError, which gensim raises."""


class _LoadedOnClassOnly:
    """``Word2Vec.load``, only on the class. On an instance, which it could not change, it is an AttributeError."""

    def __get__(self, instance: object, owner: type[Word2Vec]) -> Callable[..., Word2Vec]:
        if instance is not None:
            raise AttributeError  # Word2Vec.__getattr__ says why
        return functools.partial(_load, owner)


class Word2Vec:
    """gensim 4's Word2Vec; parameters, positions, defaults and attributes are gensim's.

    Where gensim and firth differ, gensim's rule is used: CBOW is the default and has gensim's update, noise words that
    equal the target are dropped, initial vectors are from U(-1/D, 1/D) (equal to the bit), ``min_alpha`` is absolute.

    Parameters
    ----------
    sentences : iterable of lists of strings (or of integers), optional
        Also an iterable that can be read only once. Without a corpus, call ``build_vocab`` later.
    corpus_file : path, optional
        One sentence a line; may be compressed.
    vector_size, alpha, window, min_count, sample, workers, min_alpha, sg, negative, ns_exponent, cbow_mean,
    epochs, trim_rule, compute_loss, callbacks, comment, max_final_vocab, shrink_windows
        As in gensim.
    hs : {0, 1}
        With 1, only hierarchical softmax is trained, with a UserWarning unless ``negative=0`` is given too. Any other
        given ``negative`` is refused. gensim would train two objectives and log that this is probably a mistake.
    max_vocab_size : int, optional
        Largest number of words, the most frequent ones. The limit is exact.
    batch_words : int
        At most one thread is used for each ``batch_words`` words of the corpus.
    seed : int or None
        None: every call draws a seed of its own.
    hashfxn : ignored, as in gensim 4
    null_word, sorted_vocab
        Must be 0 and 1.
    size, iter : int
        gensim 3's names of ``vector_size`` and ``epochs``, with a DeprecationWarning.

    Attributes
    ----------
    wv : KeyedVectors
    syn1neg : float32 array, (V, D), with ``negative``; after ``build_vocab``
    syn1 : float32 array, (V, D), with ``hs``; the last row is not used
    corpus_count, corpus_total_words : int
        Number of sentences and of words that ``build_vocab`` read.
    history : firth.History or None
        The history of the last ``train``.

    Raises
    ------
    ParameterError
    """

    load = _LoadedOnClassOnly()
    _KIND = "Word2Vec"  # in a file
    _SETTINGS: tuple[str, ...] = SETTINGS
    _OF_DOCUMENTS = False

    def __init__(
        self,
        sentences: Any = None,
        corpus_file: Any = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int | None = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = NEGATIVE,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[str], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = MAX_WORDS_IN_BATCH,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        **renamed: Any,
    ) -> None:
        vector_size = renamed_argument(renamed, "size", "vector_size", vector_size)
        epochs = renamed_argument(renamed, "iter", "epochs", epochs)
        _refuse_unknown("Word2Vec", renamed)
        if null_word:
            raise ParameterError(f"null_word must be 0, got {null_word!r}: it belongs to dm_concat, which firth lacks")
        if not sorted_vocab:
            raise ParameterError(f"sorted_vocab must be 1, got {sorted_vocab!r}: firth counts words in falling order")
        self.vector_size = self.layer1_size = int(vector_size)
        self.alpha = float(alpha)
        self.min_alpha = float(min_alpha)
        self.min_alpha_yet_reached = float(alpha)
        self.window = int(window)
        self.shrink_windows = bool(shrink_windows)
        self.min_count = self.effective_min_count = min_count
        self.max_vocab_size = max_vocab_size
        self.max_final_vocab = max_final_vocab
        self.sample = sample
        self.seed = seed
        self.workers = int(workers)
        self.sg = int(sg)
        self.hs = int(hs)
        self.negative = int(negative)
        if self.hs and negative is NEGATIVE:
            warnings.warn(
                "hs=1 without negative=0 would train two objectives at once in gensim; firth trains hierarchical"
                " softmax alone: say negative=0",
                UserWarning,
                stacklevel=2,
            )
            self.negative = 0
        self.ns_exponent = ns_exponent
        self.cbow_mean = int(cbow_mean)
        self.hashfxn = hashfxn
        self.epochs = epochs
        self.null_word = null_word
        self.sorted_vocab = sorted_vocab
        self.batch_words = batch_words
        self.compute_loss = bool(compute_loss)
        self.comment = comment
        self.corpus_count: int | None = 0
        self.corpus_total_words: int | None = 0
        self.train_count = 0
        self.total_train_time = 0.0
        self.running_training_loss = 0.0
        self.raw_vocab: dict[Any, int] = {}
        self.history: History | None = None
        self._refuse_two_objectives()
        self.wv = self._make_wv()
        if sentences is not None or corpus_file is not None:
            self._build_and_train(sentences, corpus_file, trim_rule, callbacks)
        elif trim_rule is not None or callbacks:
            logger.warning("trim_rule and callbacks are not kept: without a corpus give them to build_vocab and train")

    def _make_wv(self) -> KeyedVectors:
        """Vectors without a word."""
        wv = KeyedVectors(self.vector_size)
        wv.vectors_lockf = np.ones(1, dtype=np.float32)
        return wv

    syn1: NDArray[np.float32]
    syn1neg: NDArray[np.float32]

    def __str__(self) -> str:
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha}>"

    def __getattr__(self, name: str) -> Any:
        if name in REMOVED:
            raise RemovedNameError(f"{name} was removed in gensim 4; {REMOVED[name]}")
        if name == "load":
            raise RemovedNameError("load must be called on the class: model = Word2Vec.load(fname)")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- to and from firth

    def to_firth(self) -> Model:
        """The model as a ``firth.Model``, which can be saved to a folder, resumed, and evaluated on held-out text."""
        config = {**self._training_parameters(self.alpha, self.min_alpha), "threads": max(1, self.workers)}

        return Model(
            vectors=self.wv.to_firth(),
            output_vectors=self._output_vectors(),
            config=TrainingConfig(**config, epochs=self.epochs).resolved(),
            history=self.history or History(),
        )

    # ---- vocabulary

    def build_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        update: bool = False,
        progress_per: int = 10000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        **kwargs: Any,
    ) -> None:
        """Count the words of a corpus, choose the vocabulary, and make the initial vectors.

        ``update=True`` keeps the existing words and vectors, and appends the new words. With ``hs`` a new tree is
        built, and the vectors of its nodes start from zero; gensim keeps old vectors, which belong to other nodes.

        Parameters
        ----------
        kwargs : ``min_count``, ``sample``; gensim 3's ``sentences``
        """
        corpus_iterable = renamed_argument(kwargs, "sentences", "corpus_iterable", corpus_iterable)
        total_words, corpus_count = self.scan_vocab(corpus_iterable, corpus_file, progress_per, trim_rule=trim_rule)
        self.corpus_count, self.corpus_total_words = corpus_count, total_words
        self.prepare_vocab(update=update, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule, **kwargs)
        self.prepare_weights(update=update)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[Any, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Make the vocabulary from given counts."""
        self.corpus_count = corpus_count or 0
        self.raw_vocab = dict(word_freq)
        self.prepare_vocab(update=update, keep_raw_vocab=keep_raw_vocab, trim_rule=trim_rule)
        self.prepare_weights(update=update)

    def scan_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        progress_per: int = 10000,
        workers: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[int, int]:
        """Count all words into ``raw_vocab``; returns the number of words and of sentences."""
        with self._scanned(corpus_iterable, corpus_file) as (_, total_words, corpus_count):
            return total_words, corpus_count

    @contextlib.contextmanager
    def _scanned(self, corpus_iterable: Any, corpus_file: Any) -> Iterator[tuple[EncodedCorpus | None, int, int]]:
        """Yield the corpus, encoded with all of its words; it is deleted after the block. ``raw_vocab`` is filled."""
        source, is_files = self._read_source(corpus_iterable, corpus_file)
        self.raw_vocab = {}
        logger.info("collecting all words and their counts")
        if isinstance(source, list) and not source:
            yield None, 0, 0
            return
        with OwnedFolder.temporary("to count a vocabulary") as folder:
            encoded = encode_corpus(source, folder=folder.path / "raw", min_count=1)
            words = encoded.vocabulary
            self.raw_vocab = dict(zip(words.word_list(), words.counts.tolist(), strict=True))
            n_sentences = encoded.n_sequences
            if is_files:
                n_sentences = int(np.count_nonzero(np.diff(encoded.offsets)))
            self._log_counted(len(words), encoded.n_tokens_read, n_sentences)
            yield encoded, encoded.n_tokens_read, n_sentences

    def _read_source(self, corpus_iterable: Any, corpus_file: Any) -> tuple[Any, bool]:
        """The source for ``encode_corpus``, and whether empty lines are no sentences; see `as_source`."""
        return as_source(corpus_iterable, corpus_file)

    def _log_counted(self, n_types: int, n_words: int, n_sentences: int) -> None:
        log_counted(logger, n_types, n_words, n_sentences)

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Choose words from ``raw_vocab``; returns the numbers of dropped words and of words left by subsampling."""
        min_count, sample = min_count or self.min_count, sample or self.sample
        logger.info("Updating model with new vocabulary" if update else "Creating a fresh vocabulary")
        counts = _most_frequent(self.raw_vocab, self.max_vocab_size)
        self.effective_min_count = min_count
        if self.max_final_vocab is not None:
            falling = sorted(counts.values(), reverse=True)
            highest_left_out = falling[self.max_final_vocab] if self.max_final_vocab < len(falling) else 0
            self.effective_min_count = max(min_count, highest_left_out + 1)
        kept = {
            word: count
            for word, count in counts.items()
            if keep_vocab_item(word, count, self.effective_min_count, trim_rule)
        }
        retain_total = sum(kept.values())
        expected = np.zeros(0)
        if kept:
            values = np.array(list(kept.values()), np.int64)
            share = subsample_share(sample, int(values.sum()))
            expected = values * keep_probabilities(values, share) if share else values.astype(np.float64)
        report = {
            "drop_unique": len(self.raw_vocab) - len(kept),
            "retain_total": retain_total,
            "downsample_unique": int(np.count_nonzero(expected < np.array(list(kept.values()) or [], np.float64))),
            "downsample_total": int(expected.sum()),
            "num_retained_words": len(kept),
        }
        log_vocabulary(logger, self.raw_vocab, report, self.effective_min_count, sample)
        if not dry_run:
            self.min_count, self.sample = min_count, sample
            self._set_vocabulary(kept, update)
            if not keep_raw_vocab:
                logger.info("deleting the raw counts dictionary of %i items", len(self.raw_vocab))
                self.raw_vocab = {}
        return report

    def _set_vocabulary(self, kept: Mapping[Any, int], update: bool) -> None:
        wv = self.wv
        if not update:
            wv.index_to_key, wv.expandos = [], {}
        wv.key_to_index = {key: row for row, key in enumerate(wv.index_to_key)}
        new = sorted((word for word in kept if word not in wv.key_to_index), key=lambda word: (-kept[word], word))
        for word in new:
            wv.key_to_index[word] = len(wv.index_to_key)
            wv.index_to_key.append(word)
        wv.allocate_vecattrs(["count"], [int])
        rows = [wv.key_to_index[word] for word in kept]
        wv.expandos["count"][rows] += np.array(list(kept.values()), np.int64)
        wv.next_index = len(wv)
        if self.hs:
            self.create_binary_tree()

    def prepare_weights(self, update: bool = False) -> None:
        """Initial vectors for all words, or for the new ones."""
        if update:
            self.update_weights()
        else:
            self.init_weights()

    def init_weights(self) -> None:
        """Input vectors from U(-1/D, 1/D), output vectors of zeros."""
        logger.info("resetting layer weights")
        self.wv._clear_rows()
        self.wv.resize_vectors(seed=self.seed)
        for name in self._output_names():
            setattr(self, name, np.zeros((len(self.wv), self.layer1_size), np.float32))

    def update_weights(self) -> None:
        """Add rows for new words; existing rows are not changed."""
        logger.info("updating layer weights")
        n_before = len(self.wv.vectors)
        if not n_before:
            raise TrainingError("build_vocab(update=True) must follow a build_vocab that made a vocabulary")
        self.wv.resize_vectors(seed=self.seed)
        for name in self._output_names():
            grown = np.zeros((len(self.wv), self.layer1_size), np.float32)
            if name == "syn1neg":
                grown[:n_before] = self.syn1neg
            setattr(self, name, grown)

    def _output_names(self) -> list[str]:
        return [name for name, is_used in (("syn1", self.hs), ("syn1neg", self.negative)) if is_used]

    def create_binary_tree(self) -> None:
        """The Huffman tree, as the attributes ``code`` and ``point`` of the words."""
        self._show_tree(self._huffman_tree())

    def _huffman_tree(self) -> HuffmanTree:
        return build_huffman_tree(self._counts())

    def _show_tree(self, tree: HuffmanTree) -> None:
        for name, values in (("code", tree.codes), ("point", tree.node_ids.astype(np.uint32))):
            paths = np.empty(len(self.wv), dtype=object)
            for row in range(len(self.wv)):
                paths[row] = values[tree.offsets[row] : tree.offsets[row + 1]]
            self.wv.expandos[name] = paths

    @property
    def cum_table(self) -> NDArray[np.uint32] | None:
        """gensim's table of cumulated noise probabilities, up to 2^31 - 1; firth draws by the alias method."""
        if not self.negative or not len(self.wv):
            return None
        shares = np.cumsum(noise_probabilities(self._counts(), float(self.ns_exponent)))
        table: NDArray[np.uint32] = np.round(shares / shares[-1] * CUM_TABLE_DOMAIN).astype(np.uint32)
        return table

    def make_cum_table(self, domain: int = CUM_TABLE_DOMAIN) -> None:
        """Does nothing, because ``cum_table`` is computed from the counts."""

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Memory in bytes for a vocabulary of this size (default: the current size), by part and in total."""
        n_words = vocab_size or len(self.wv)
        report = {} if report is None else report
        report.update(self._memory_parts(n_words))
        report["total"] = sum(report.values())
        logger.info(
            "estimated required memory for %i words and %i dimensions: %i bytes",
            *(n_words, self.vector_size, report["total"]),
        )
        return report

    def _memory_parts(self, n_words: int) -> dict[str, int]:
        outputs = dict.fromkeys(self._output_names(), n_words * self.layer1_size * 4)
        vocabulary = n_words * (700 if self.hs else 500)  # gensim's own figures
        return {"vocab": vocabulary, "vectors": n_words * self.vector_size * 4, **outputs}

    # ---- training

    def train(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        **kwargs: Any,
    ) -> tuple[int, int]:
        """Train on a corpus, which is read once, for ``epochs`` passes.

        As in gensim, ``total_examples`` or ``total_words`` must be given. firth does not use them, because the learning
        rate falls with the tokens of the corpus. ``word_count`` and ``queue_factor`` are not used. Progress is logged
        at the level INFO, every ``report_delay`` seconds.

        Returns
        -------
        (n_words_in_vocabulary, n_words) : both over all epochs, before subsampling
        """
        corpus_iterable = renamed_argument(kwargs, "sentences", "corpus_iterable", corpus_iterable)
        _refuse_unknown("train", kwargs)
        self.alpha = start_alpha or self.alpha
        self.min_alpha = end_alpha or self.min_alpha
        self._validate_ready()
        if total_words is None and total_examples is None:
            raise ParameterError("total_examples or total_words must be given: total_examples=model.corpus_count")
        if epochs is None or epochs <= 0:
            raise ParameterError(f"epochs must be given and at least 1, got {epochs}: epochs=model.epochs")
        self.epochs = epochs
        source, _ = self._read_source(corpus_iterable, corpus_file)
        return self._train(source, epochs, compute_loss, list(callbacks), report_delay)

    def _build_and_train(
        self, sentences: Any, corpus_file: Any, trim_rule: TrimRule | None, callbacks: Iterable[Any]
    ) -> None:
        """Build the vocabulary and train, with one reading of the corpus."""
        with self._scanned(sentences, corpus_file) as (raw, total_words, corpus_count):
            self.corpus_count, self.corpus_total_words = corpus_count, total_words
            n_types, highest = len(self.raw_vocab), max(self.raw_vocab.values(), default=0)
            self.prepare_vocab(trim_rule=trim_rule)
            self.prepare_weights()
            if raw is None or not len(self.wv):
                raise EmptyVocabularyError(
                    f"you must first build vocabulary before training the model: of {n_types} types of words none is"
                    f" left with min_count={self.effective_min_count}; the highest count is {highest}"
                )
            self._validate_ready()
            table = np.array([self.wv.key_to_index.get(word, -1) for word in raw.vocabulary.word_list()], np.int32)
            folder = raw.folder.parent / "encoded"
            encoded = rewrite_corpus(raw, table, self._vocabulary(), folder, max(1, self.workers))
            self._train(encoded, self.epochs, self.compute_loss, list(callbacks))

    def _validate_ready(self) -> None:
        if not self.hs and not self.negative:
            raise ParameterError("hs or negative must be positive for training, got hs=0 and negative=0")
        self._refuse_two_objectives()
        if self.alpha > self.min_alpha_yet_reached:
            logger.warning("Effective 'alpha' higher than previous training cycles")
        if not self.wv.key_to_index or not len(self.wv.vectors):
            raise EmptyVocabularyError("you must first build vocabulary before training the model: build_vocab(...)")

    def _refuse_two_objectives(self) -> None:
        if self.hs and self.negative:
            raise ParameterError(
                f"hs and negative must not both be positive, got hs={self.hs} and negative={self.negative}: firth"
                " trains one objective; set negative=0 for hierarchical softmax, hs=0 for negative sampling"
            )

    def _train(
        self, source: Any, epochs: int, compute_loss: bool, callbacks: list[Any], report_delay: float = 1.0
    ) -> tuple[int, int]:
        self.compute_loss = compute_loss
        self.running_training_loss = 0.0
        # gensim's rate never falls below min_alpha, for any start
        parameters = self._training_parameters(max(self.alpha, self.min_alpha), self.min_alpha)
        n_tokens = source.n_tokens_read if isinstance(source, EncodedCorpus) else self.corpus_total_words or math.inf
        threads = max(
            1, int(min(self.workers, math.ceil(n_tokens / self.batch_words) if n_tokens < math.inf else 4096))
        )
        log_start(logger, self, threads)
        listeners: list[Callback] = [_Relay(self, callbacks)] if callbacks else []
        if logger.isEnabledFor(logging.INFO):
            listeners.append(ProgressLog(logger, report_delay))
        for callback in callbacks:
            callback.on_train_begin(self)
        for callback in callbacks:
            callback.on_epoch_begin(self)
        known = known_words("sentences", "the model", self._vocabulary())
        with parameters_named(_name_as_gensim), empty_epochs_allowed(), known:
            model = self._run(source, listeners, {**parameters, "epochs": epochs, "threads": threads})
        self._take(model)
        self.history = model.history
        self.train_count += 1
        self.total_train_time += model.history.train_seconds
        self.min_alpha_yet_reached = parameters["min_learning_rate"]
        for callback in callbacks:
            callback.on_train_end(self)
        n_epochs = len(model.history.epochs)
        n_known, n_words = n_epochs * model.corpus.n_tokens, n_epochs * model.corpus.n_tokens_read
        log_end(logger, model.history, n_known, n_words)
        return n_known, n_words

    def _run(self, source: Any, listeners: list[Callback], parameters: dict[str, Any]) -> Model:
        return train_model(
            source,
            vocabulary=None if isinstance(source, EncodedCorpus) else self._vocabulary(),
            initial_vectors=self._start_vectors(),
            initial_output_vectors=self._output_vectors(),
            freeze=self._frozen(),
            callbacks=listeners,
            progress=False,
            **parameters,
        )

    def _training_parameters(self, alpha: float, min_alpha: float) -> dict[str, Any]:
        """The model's parameters under firth's names, except epochs, threads and parameters without effect."""
        seed = secrets.randbits(64) if self.seed is None else _run_seed(self.seed, self.train_count)
        names = ("sg", "hs", "vector_size", "negative", "ns_exponent", "sample", "cbow_mean", "min_count")
        settings = {name: getattr(self, name) for name in (*names, *self._window_names())}
        settings |= {"alpha": alpha, "min_alpha": min_alpha, "seed": seed}
        return training_parameters(settings, int(self._counts().sum()), of_documents=self._OF_DOCUMENTS)

    def _window_names(self) -> tuple[str, ...]:
        """The attributes of windows, if windows are used."""
        return ("window", "shrink_windows")

    def _start_vectors(self) -> Any:
        """What training starts from."""
        return self.wv.vectors

    def _take_vectors(self, vectors: WordVectors) -> None:
        self.wv.vectors = put_rows(self.wv.vectors, vectors.matrix)

    def _take(self, trained: Model | TrainingState) -> None:
        """Store the trained vectors in the model's arrays; in place if the arrays are writable."""
        self._take_vectors(trained.vectors)
        self.wv.norms = None
        if self.hs:
            self.syn1 = np.concatenate([trained.output_vectors, np.zeros((1, self.layer1_size), np.float32)])
        else:
            self.syn1neg = np.array(trained.output_vectors)
        epochs = trained.history.epochs
        sums = [record.loss_nats * record.n_examples for record in epochs if math.isfinite(record.loss_nats)]
        self.running_training_loss = math.fsum(sums)

    def _output_vectors(self) -> NDArray[Any]:
        return self.syn1[:-1] if self.hs else self.syn1neg

    def _frozen(self) -> NDArray[np.bool_] | None:
        return frozen_rows("wv", self.wv)

    def _counts(self) -> NDArray[np.int64]:
        counts = self.wv.expandos.get("count")
        if counts is None:
            raise TrainingError("wv must have counts of its words to be trained; call build_vocab")
        return np.asarray(counts, np.int64)

    def _vocabulary(self) -> Vocabulary:
        keys = self.wv.index_to_key
        is_ids = all(isinstance(key, (int, np.integer)) for key in keys)
        return Vocabulary(np.array(keys, np.int64) if is_ids else tuple(keys), self._counts())

    def get_latest_training_loss(self) -> float:
        """The loss of the last, or present, ``train`` over its epochs so far, in nats, summed in float64.

        Each positive example with its noise words counts once, before its update (of more than 2^20 tokens estimated
        from a quarter of them). It is computed for any value of ``compute_loss``. ``history`` has the mean of each
        epoch.
        """
        return self.running_training_loss

    # ---- what a model predicts

    def score(
        self,
        sentences: Iterable[Sequence[Any]],
        total_sentences: int = 1_000_000,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1.0,
    ) -> NDArray[np.float32]:
        """Log-probability of each sentence under hierarchical softmax: the sum over all pairs (windows for CBOW)."""
        if not len(self.wv):
            raise EmptyVocabularyError("you must first build vocabulary before scoring new data")
        if not self.hs or "syn1" not in self.__dict__:
            raise TrainingError("score must have a model trained with hs=1 and negative=0")
        tree = self._huffman_tree()
        nodes = self.syn1[:-1].astype(np.float64)
        scores = []
        for _, sentence in zip(range(total_sentences), token_rows(sentences, "sentences"), strict=False):
            rows = [self.wv.key_to_index[word] for word in sentence if word in self.wv.key_to_index]
            total = 0.0
            for position, target in enumerate(rows):
                context = rows[max(0, position - self.window) : position] + rows[position + 1 :][: self.window]
                vectors = self.wv.vectors[context].astype(np.float64)
                if context and not self.sg:
                    vectors = vectors.mean(axis=0, keepdims=True) if self.cbow_mean else vectors.sum(0, keepdims=True)
                total -= sum(hierarchical_softmax_loss(vector, nodes, *tree.path(target))[0] for vector in vectors)
            scores.append(total)
        return np.array(scores, np.float32)

    def predict_output_word(self, context_words_list: Sequence[Any], topn: int | None = 10) -> Any:
        """The most probable centre words of a context, by the softmax of all outputs; None without a known word."""
        if not self.negative or "syn1neg" not in self.__dict__:
            raise TrainingError("predict_output_word must have a model trained with negative sampling, and its syn1neg")
        rows = [self.wv.get_index(word) for word in context_words_list if self.wv.has_index_for(word)]
        if not rows:
            logger.warning("All the input context words are out-of-vocabulary for the current model.")
            return None
        vectors = self.wv.vectors[rows].astype(np.float64)
        hidden = vectors.mean(axis=0) if self.cbow_mean else vectors.sum(axis=0)
        probabilities = softmax(self.syn1neg.astype(np.float64) @ hidden)
        best = np.argsort(-probabilities, kind="stable")[:topn]
        return [(self.wv.index_to_key[row], float(probabilities[row])) for row in best.tolist()]

    def reset_from(self, other_model: Word2Vec) -> None:
        """Copy the vocabulary of another model, and make new initial vectors."""
        self.wv = self._make_wv()
        self.wv.index_to_key = list(other_model.wv.index_to_key)
        self.wv.key_to_index = dict(other_model.wv.key_to_index)
        self.wv.expandos = {name: values.copy() for name, values in other_model.wv.expandos.items()}
        self.wv.next_index = len(self.wv)
        self.corpus_count = other_model.corpus_count
        self.corpus_total_words = other_model.corpus_total_words
        self.init_weights()

    # ---- files

    def save(self, fname: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write one safetensors file, which has no code. gensim's options for pickles are accepted and ignored.

        Training can continue after ``Word2Vec.load(fname)``. ``to_firth().save(folder)`` writes firth's model folder.
        """
        state, tensors = self.wv._to_stored()
        outputs: dict[str, NDArray[Any]] = {
            name: self.__dict__[name] for name in ("syn1", "syn1neg") if name in self.__dict__
        }
        if "vectors_lockf" in vars(self.wv):
            outputs["vectors_lockf"] = np.asarray(self.wv.vectors_lockf, np.float32)
        settings = {name: _plain(getattr(self, name)) for name in self._SETTINGS}
        own_state, own_tensors = self._own_stored()
        write_file(
            fname, self._KIND, {**state, **own_state, "settings": settings}, {**tensors, **outputs, **own_tensors}
        )

    def _own_stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """State and tensors of a file that a subclass has beside Word2Vec's."""
        return {}, {}

    def _take_stored(
        self, state: dict[str, Any], tensors: dict[str, NDArray[Any]], fname: Any, mmap: str | None
    ) -> None:
        """Take what ``_own_stored`` gave out of a file."""

    def _take_saved(self, saved: GensimModel) -> None:
        """Take what a subclass has beside Word2Vec's attributes out of gensim's file."""

    def _take_saved_tree(self, saved: GensimModel, fname: Any) -> None:
        message = "firth's Huffman tree breaks ties otherwise than gensim's: the vectors of its nodes start from zero"
        if self.negative:
            message += "; hs=1 and negative are both set: to train on, set model.hs = 0, or model.negative = 0"
        warnings.warn(f"{fname}: {message}", UserWarning, stacklevel=4)
        self.create_binary_tree()

    # ---- what gensim 4 deprecates

    def seeded_vector(self, seed_string: str, vector_size: int) -> NDArray[np.float32]:
        """Deprecated: ``pseudorandom_weak_vector``."""
        warnings.warn(
            "seeded_vector is deprecated since gensim 4; use pseudorandom_weak_vector", DeprecationWarning, stacklevel=2
        )
        return pseudorandom_weak_vector(vector_size, seed_string=seed_string, hashfxn=self.hashfxn)

    def init_sims(self, replace: bool = False) -> None:
        """Deprecated: ``model.wv.fill_norms()``, or ``model.wv.unit_normalize_all()``."""
        self.wv.init_sims(replace=replace)


# The class of the model in a file of each kind; `firth.compat.gensim.models.fasttext` adds its own.
MODEL_CLASSES: dict[str, type[Word2Vec]] = {"Word2Vec": Word2Vec}


class _Relay(Callback):
    """Calls gensim's callbacks from firth's loop, in the main thread, after updating the model."""

    def __init__(self, model: Word2Vec, callbacks: list[Any]) -> None:
        self._model = model
        self._callbacks = callbacks

    def on_epoch_end(self, state: TrainingState) -> None:
        self._model._take(state)
        self._model.history = state.history
        for callback in self._callbacks:
            callback.on_epoch_end(self._model)
        if state.epoch < state.epochs:
            for callback in self._callbacks:
                callback.on_epoch_begin(self._model)


def _name_as_gensim(name: str, value: object) -> str | None:
    """A firth parameter in gensim's notation; None if gensim has no such parameter."""
    if name not in GENSIM_NAMES:
        return None
    return f"{GENSIM_NAMES[name]}={1 if name == 'cbow_input' else value}"


def _load(cls: type[Word2Vec], fname: str | os.PathLike[str], mmap: str | None = None, **kwargs: Any) -> Word2Vec:
    """Read a file of ``save``, or of gensim's ``save`` (1.0 to 4). Training can continue.

    Parameters
    ----------
    fname : path
    mmap : None or "r"
        ``"r"`` maps the vectors of firth's file, read-only until training copies them.

    Raises
    ------
    WrongModelError
        The file has only vectors; ``KeyedVectors.load`` reads them.
    FormatError, StorageError
    """
    if not is_ours(fname):
        return _load_gensim(cls, fname)
    state, tensors = read_file(fname)
    kind = _class_for(cls, state.get("kind"), fname)
    model = kind.__new__(kind)
    settings = state.get("settings")
    if not isinstance(settings, dict) or set(settings) != set(kind._SETTINGS):
        raise FormatError(f"{fname}: the settings of the model are damaged")
    model.__dict__.update(settings, raw_vocab={}, hashfxn=hash, history=None)
    outputs = {name: tensors.pop(name) for name in ("syn1", "syn1neg") if name in tensors}
    lock_factors = tensors.pop("vectors_lockf", None)
    model.wv = VECTOR_CLASSES[kind._KIND]._from_stored(state, tensors, fname, mmap)
    if lock_factors is not None:
        model.wv.vectors_lockf = np.array(lock_factors)
    model._take_stored(state, tensors, fname, mmap)
    for name, matrix in outputs.items():
        if matrix.shape != (len(model.wv), model.layer1_size):
            raise FormatError(f"{fname}: {name} must have a row for each of {len(model.wv)} words, got {matrix.shape}")
        setattr(model, name, matrix if mmap else np.array(matrix))
    if model.hs and len(model.wv):
        model._show_tree(model._huffman_tree())
    return model


def _class_for(cls: type[Word2Vec], kind: Any, fname: Any) -> type[Word2Vec]:
    """The class of the model in a file: this class where it fits, or the one that the file needs."""
    needed = MODEL_CLASSES.get(kind) if isinstance(kind, str) else None
    if needed is None:
        raise WrongModelError(
            f"{fname}: holds {kind!r:.60}, not {cls.__name__}; KeyedVectors.load(fname) reads vectors"
        )
    if cls._KIND == needed._KIND:
        return cls
    if issubclass(needed, cls):
        return needed
    raise WrongModelError(f"{fname}: holds {kind}, not {cls.__name__}; {needed.__name__}.load(fname) reads it")


def _load_gensim(cls: type[Word2Vec], fname: str | os.PathLike[str]) -> Word2Vec:
    saved = read_model(as_path(fname))
    cls = _class_for(cls, saved.kind, fname)
    settings = dict(saved.settings)
    settings.setdefault("epochs", settings.get("iter", 5))
    model = cls()
    model.__dict__.update({name: settings[name] for name in cls._SETTINGS if name in settings})
    model._take_saved(saved)
    model.corpus_total_words = settings.get("corpus_total_words")
    model.vector_size = model.layer1_size = int(saved.table.matrix.shape[1])
    lock_factors = vars(model.wv).get("vectors_lockf")
    model.wv = VECTOR_CLASSES[cls._KIND]._from_saved(saved)
    if lock_factors is not None:
        model.wv.vectors_lockf = lock_factors
    for name in model._output_names():
        setattr(model, name, np.zeros((len(model.wv), model.layer1_size), np.float32))
    if model.hs:
        model._take_saved_tree(saved, fname)
    if model.negative and "syn1neg" in saved.output_vectors:
        model.syn1neg = np.array(saved.output_vectors["syn1neg"])
    return model


def frozen_rows(name: str, vectors: KeyedVectors) -> NDArray[np.bool_]:
    """bool (n,): the rows that ``vectors_lockf`` freezes."""
    factors = np.asarray(vectors.vectors_lockf)
    if not np.isin(factors, (0.0, 1.0)).all():
        raise ParameterError(f"{name}.vectors_lockf must hold 0.0 (frozen) and 1.0 alone: there are no rates between")
    if len(factors) not in (1, len(vectors)):
        raise ParameterError(f"{name}.vectors_lockf must have 1 or {len(vectors)} factors, got {len(factors)}")
    return np.broadcast_to(factors == 0.0, len(vectors)).copy()


def put_rows(rows: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """The array ``rows`` with other values; a new array if ``rows`` is read-only or has another shape."""
    if not rows.flags.writeable or rows.shape != values.shape:
        return np.array(values)
    rows[:] = values
    return rows


def _most_frequent(counts: Mapping[Any, int], limit: int | None) -> Mapping[Any, int]:
    if limit is None or len(counts) <= limit:
        return counts
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit])


def _run_seed(seed: int, n_runs_before: int) -> int:
    """The seed of a ``train`` call: another one for each call."""
    return (int(seed) + n_runs_before * SEED_STRIDE) % 2**64


def renamed_argument(given: dict[str, Any], old: str, new: str, value: Any) -> Any:
    if old not in given:
        return value
    warnings.warn(f"{old} is gensim 3's name; gensim 4 calls it {new}", DeprecationWarning, stacklevel=3)
    return given.pop(old)


def _refuse_unknown(function: str, given: Mapping[str, Any]) -> None:
    if given:
        raise TypeError(f"{function}() got an unexpected keyword argument {next(iter(given))!r}")


def _plain(value: Any) -> Any:
    """Convert a setting to a JSON type."""
    if isinstance(value, (np.integer, np.bool_)):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise FirthError(f"a setting of the model must be a number or a string to be saved, got {value!r}")


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = [
    "BrownCorpus",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Text8Corpus",
    "Word2Vec",
    "prep_vectors",
]
