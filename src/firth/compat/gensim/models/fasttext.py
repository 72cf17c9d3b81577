"""Room compat: gensim.models.fasttext: FastText with firth's subword training, its vectors, and fastText's own files.

What FastText shares with Word2Vec is in `firth.compat.gensim.models.word2vec`: vocabulary, training, files.
docs/gensim.md lists every name.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from firth.base.ngrams import FASTTEXT_BUCKETS, MAX_BUCKETS
from firth.base.values import as_integer
from firth.base.words import WordBuffer
from firth.compat.gensim.models.fasttext_vectors import FastTextKeyedVectors, pack_keys
from firth.compat.gensim.models.keyedvectors import REAL
from firth.compat.gensim.models.word2vec import MODEL_CLASSES, NEGATIVE, Word2Vec, put_rows
from firth.compat.gensim.readers import MAX_WORDS_IN_BATCH
from firth.compat.gensim.refused import RemovedNameError, stand_in_for
from firth.compat.gensim.store import as_path
from firth.compat.gensim.utils import TrimRule
from firth.compat.gensim.word2vec_names import SETTINGS
from firth.errors import FormatError, ParameterError, TrainingError
from firth.formats.fasttext_bin import WordModel, read_word_model, write_word_model
from firth.formats.fasttext_model import CBOW, SKIPGRAM, FastTextArguments
from firth.formats.gensim_native import NgramSettings
from firth.formats.table import SubwordRows
from firth.native.ngrams import hash_ngrams
from firth.vectors.word_vectors import WordVectors

logger = logging.getLogger(__name__)

HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING = 1, 2  # fastText's codes of losses


class FastText(Word2Vec):
    """gensim 4's FastText; parameters, positions, defaults and attributes are gensim's.

    Parameters, methods and rules that Word2Vec has too are documented there.

    Parameters
    ----------
    min_n, max_n : int
        Lengths of n-grams, in Unicode characters. There are no n-grams if ``max_n`` is less than ``min_n``.
    bucket : int
        Rows that n-grams share. The default, gensim's, takes 2,000,000 rows for any corpus.
    word_ngrams : int
        Must be 1, as in gensim.
    other parameters : as in `Word2Vec`

    Attributes
    ----------
    wv : FastTextKeyedVectors

    Raises
    ------
    ParameterError, NotImplementedError
    """

    _KIND = "FastText"
    _SETTINGS = (*SETTINGS, "word_ngrams")
    wv: FastTextKeyedVectors

    def __init__(
        self,
        sentences: Any = None,
        corpus_file: Any = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int | None = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        negative: int = NEGATIVE,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[[str], int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = FASTTEXT_BUCKETS,
        trim_rule: TrimRule | None = None,
        batch_words: int = MAX_WORDS_IN_BATCH,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
        **renamed: Any,
    ) -> None:
        if word_ngrams != 1:
            raise NotImplementedError(f"word_ngrams must be 1, as in gensim, got {word_ngrams!r}")
        self.word_ngrams = 1
        settings = NgramSettings(min_n, max_n, bucket)
        FastTextKeyedVectors(1, min_n, max_n, bucket)  # checks the values
        self._ngrams = dataclasses.replace(settings, bucket=0) if settings.rules() is None else settings
        super().__init__(
            sentences=sentences,
            corpus_file=corpus_file,
            vector_size=vector_size,
            alpha=alpha,
            window=window,
            min_count=min_count,
            max_vocab_size=max_vocab_size,
            sample=sample,
            seed=seed,
            workers=workers,
            min_alpha=min_alpha,
            sg=sg,
            hs=hs,
            negative=negative,
            ns_exponent=ns_exponent,
            cbow_mean=cbow_mean,
            hashfxn=hashfxn,
            epochs=epochs,
            null_word=null_word,
            trim_rule=trim_rule,
            sorted_vocab=sorted_vocab,
            batch_words=batch_words,
            callbacks=callbacks,
            max_final_vocab=max_final_vocab,
            shrink_windows=shrink_windows,
            **renamed,
        )

    def __getattr__(self, name: str) -> Any:
        if name == "load_binary_data":
            raise RemovedNameError("load_binary_data is not in firth; use load_facebook_model(path)")
        if name == "_ngrams":  # of a model from a file
            return NgramSettings(self.wv.min_n, self.wv.max_n, self.wv.bucket)
        return super().__getattr__(name)

    def _make_wv(self) -> FastTextKeyedVectors:
        settings = self._ngrams
        return FastTextKeyedVectors(self.vector_size, settings.min_n, settings.max_n, settings.bucket)

    def _memory_parts(self, n_words: int) -> dict[str, int]:
        parts = super()._memory_parts(n_words)
        parts["syn0_vocab"] = parts.pop("vectors")
        if self.wv.bucket:
            parts["syn0_ngrams"] = self.wv.bucket * self.vector_size * 4
            n_ngrams = sum(map(len, self.wv.buckets_word))
            parts["buckets_word"] = 64 + 100 * len(self.wv) + 4 * n_ngrams  # gensim's own figures
        return parts

    # ---- training

    def _start_vectors(self) -> Any:
        wv, rules = self.wv, self.wv._rules()
        if rules is None:
            return wv.known_own_rows()
        assert wv.vectors_ngrams is not None
        subwords = SubwordRows(dataclasses.replace(rules, end_has_ngrams=False), wv.vectors_ngrams, wv.known_own_rows())
        return WordVectors(list(wv.index_to_key), wv.vectors, None, subwords)

    def _take_vectors(self, vectors: WordVectors) -> None:
        wv, subwords = self.wv, vectors.subword_rows
        if subwords is None:
            wv.vectors = wv.vectors_vocab = put_rows(wv.known_own_rows(), vectors.matrix)
            return
        assert subwords.word_rows is not None
        assert wv.vectors_ngrams is not None
        wv.vectors_vocab = put_rows(wv.known_own_rows(), subwords.word_rows)
        wv.vectors_ngrams = put_rows(wv.vectors_ngrams, subwords.ngram_rows)
        wv.adjust_vectors()  # gensim cuts </s> into n-grams, firth and fastText do not

    def _frozen(self) -> None:
        for name in ("vectors_vocab_lockf", "vectors_ngrams_lockf", "vectors_lockf"):
            if not np.all(np.asarray(vars(self.wv).get(name, 1.0)) == 1.0):
                raise ParameterError(f"wv.{name} must be 1.0 everywhere: FastText trains all rows of words and n-grams")

    def _training_parameters(self, alpha: float, min_alpha: float) -> dict[str, Any]:
        parameters = super()._training_parameters(alpha, min_alpha)
        rules = self.wv._rules()
        if rules is None:
            return parameters
        if not all(isinstance(key, str) for key in self.wv.index_to_key):
            raise ParameterError(
                "sentences must have words that are strings where FastText has n-grams, got other words; pass bucket=0,"
                " or use Word2Vec"
            )
        lengths = {"min_ngram": rules.min_ngram, "max_ngram": rules.max_ngram}
        return {**parameters, "subwords": True, **lengths, "buckets": rules.buckets}

    # ---- files

    @classmethod
    def load_fasttext_format(cls, model_file: str | os.PathLike[str], encoding: str = "utf8") -> FastText:
        """Deprecated: ``load_facebook_model``."""
        warnings.warn(
            "load_fasttext_format is deprecated since gensim 3.8; use load_facebook_model (to train on) or"
            " load_facebook_vectors",
            DeprecationWarning,
            stacklevel=2,
        )
        return load_facebook_model(model_file, encoding)


def load_facebook_model(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastText:
    """Read fastText's ``.bin`` file of a skip-gram or cbow model; training can continue.

    With hierarchical softmax, the nodes are those of fastText's tree, and have fastText's sign; gensim takes and writes
    other ones, so such a file of gensim's has wrong nodes here.

    Words whose bytes are invalid in ``encoding`` are kept with backslash escapes, as in gensim.

    Raises
    ------
    SupervisedModelError
        The model is a classifier; also a NotImplementedError.
    FormatError, StorageError
    """
    saved = read_word_model(as_path(path))
    arguments = saved.arguments
    if arguments.loss not in (HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING):
        raise FormatError(
            f"{path}: FastText trains hierarchical softmax and negative sampling; this model has fastText's loss"
            f" {arguments.loss}: load_facebook_vectors(path) reads its vectors"
        )
    hs = arguments.loss == HIERARCHICAL_SOFTMAX
    wv = _facebook_vectors(saved, path, encoding)
    model = FastText(
        vector_size=arguments.dims,
        window=arguments.window,
        epochs=arguments.epochs,
        negative=0 if hs else arguments.negatives,
        hs=int(hs),
        sg=int(arguments.model == SKIPGRAM),
        bucket=wv.bucket,
        min_count=arguments.min_count,
        sample=arguments.subsample,
        min_n=wv.min_n,
        max_n=wv.max_n,
    )
    model.wv = wv
    model.corpus_total_words = saved.n_tokens
    output_rows = np.array(saved.output_rows, REAL)
    if hs:
        model.syn1 = -output_rows  # fastText's label of a branch is its code (src/loss.cc), word2vec's 1 - code
        model.create_binary_tree()
    else:
        model.syn1neg = output_rows
    return model


def load_facebook_vectors(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastTextKeyedVectors:
    """Read the vectors of words and n-grams of fastText's ``.bin`` file of a skip-gram or cbow model.

    Raises
    ------
    SupervisedModelError, FormatError, StorageError
    """
    return _facebook_vectors(read_word_model(as_path(path)), path, encoding)


def _facebook_vectors(saved: WordModel, path: Any, encoding: str) -> FastTextKeyedVectors:
    try:
        words = [word.decode(encoding, errors="backslashreplace") for word in saved.words.all_encoded()]
    except LookupError:
        raise ParameterError(f"encoding must be one that Python knows, got {encoding!r}") from None
    if len(set(words)) != len(words):
        raise FormatError(f"{path}: two words are the same in the encoding {encoding!r}; pass the encoding of the file")
    arguments = saved.arguments
    settings = NgramSettings(arguments.min_chars, arguments.max_chars, arguments.buckets)
    return FastTextKeyedVectors._from_parts(
        words, saved.counts, settings, np.array(saved.own_rows, REAL), np.array(saved.ngram_rows, REAL)
    )


def save_facebook_model(
    model: FastText,
    path: str | os.PathLike[str],
    encoding: str = "utf-8",
    lr_update_rate: int = 100,
    word_ngrams: int = 1,
) -> None:
    """Write a model as fastText's ``.bin`` file. An old file is replaced when the new one is complete.

    Parameters
    ----------
    model : FastText, trained or not
    encoding : str
        In which the words are written; fastText expects UTF-8.
    lr_update_rate, word_ngrams : int
        Numbers of the file that FastText has no parameter for.

    Raises
    ------
    ParameterError, FormatError, StorageError
    """
    wv = model.wv
    if not len(wv) or not model._output_names():
        raise TrainingError("model must have a vocabulary and an output matrix to be saved; call build_vocab")
    ngram_rows = np.zeros((0, wv.vector_size), REAL) if wv.vectors_ngrams is None else wv.vectors_ngrams
    numbers = {"lr_update_rate": lr_update_rate, "word_ngrams": word_ngrams}
    for name, number in numbers.items():
        as_integer(name, number, minimum=1, maximum=MAX_BUCKETS)
    arguments = FastTextArguments(
        dims=wv.vector_size,
        window=model.window,
        epochs=model.epochs,
        min_count=int(model.min_count),
        negatives=model.negative,
        word_ngrams=word_ngrams,
        loss=HIERARCHICAL_SOFTMAX if model.hs else NEGATIVE_SAMPLING,
        model=SKIPGRAM if model.sg else CBOW,
        buckets=wv.bucket,
        min_chars=wv.min_n,
        max_chars=wv.max_n,
        rate_interval=lr_update_rate,
        subsample=float(model.sample),
    )
    try:
        words = WordBuffer.pack(str(key).encode(encoding) for key in wv.index_to_key)
    except (LookupError, UnicodeEncodeError) as error:
        raise ParameterError(f"encoding must be able to write every word, got {encoding!r}: {error}") from None
    output_rows = -model.syn1 if model.hs else model.syn1neg  # see load_facebook_model
    n_tokens = model.corpus_total_words or 0
    whole = WordModel(arguments, words, model._counts(), n_tokens, wv.known_own_rows(), ngram_rows, output_rows)
    write_word_model(as_path(path), whole, overwrite=True)


def ft_ngram_hashes(word: str, minn: int, maxn: int, num_buckets: int) -> list[int]:
    """The buckets of a word's n-grams, by fastText's hash."""
    rules = NgramSettings(minn, maxn, num_buckets).rules()
    if rules is None:
        return []
    _, hashes = hash_ngrams(pack_keys([word]), rules)
    return [value % num_buckets for value in hashes.tolist()]


MODEL_CLASSES["FastText"] = FastText


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = [
    "FastText",
    "FastTextKeyedVectors",
    "ft_ngram_hashes",
    "load_facebook_model",
    "load_facebook_vectors",
    "save_facebook_model",
]
