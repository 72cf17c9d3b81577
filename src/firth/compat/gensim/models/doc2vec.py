"""Room compat: gensim.models.doc2vec: Doc2Vec with firth's training of documents and its inference, by gensim's rules.

What Doc2Vec shares with Word2Vec is in `firth.compat.gensim.models.word2vec`: vocabulary, training, files.
`firth.compat.gensim.tagged` has the documents and their tags. docs/gensim.md lists every name.

The file is long because gensim has one class: tags, training, inference and files change the same attributes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_memory_bytes
from firth.base.values import as_integer
from firth.compat.gensim.models.keyedvectors import KEY_TYPES, VECTOR_CLASSES, KeyedVectors, take_rows, write_counts
from firth.compat.gensim.models.word2vec import (
    FAST_VERSION,
    MODEL_CLASSES,
    EmptyVocabularyError,
    Word2Vec,
    frozen_rows,
    put_rows,
    renamed_argument,
)
from firth.compat.gensim.refused import stand_in_for
from firth.compat.gensim.tagged import (
    TaggedBrownCorpus,
    TaggedDocument,
    TaggedLineDocument,
    TagReader,
    open_documents,
)
from firth.compat.gensim.utils import TrimRule
from firth.compat.gensim.word2vec_names import SETTINGS
from firth.corpus.encoded import EncodedCorpus
from firth.errors import CorpusTypeError, FormatError, ParameterError
from firth.formats.gensim_arrays import validate_tree
from firth.formats.gensim_native import GensimModel
from firth.kernels.config import MAX_INT32, TrainingConfig
from firth.kernels.inference import InferenceEngine
from firth.models.gensim_models import tag_vectors
from firth.models.model import Model
from firth.numerics.huffman import HuffmanTree
from firth.training.loop.callbacks import Callback, CallbackList, TrainingState
from firth.training.loop.progress import make_progress
from firth.training.run.document_rows import StartRows
from firth.training.run.documents import run_documents
from firth.training.run.encoding import TextOptions
from firth.training.run.options import RunOptions
from firth.vectors.word_vectors import WordVectors

logger = logging.getLogger(__name__)

TAG_SEED = 7919  # gensim adds it to the seed of the words' initial vectors for those of the tags
DV = "dv."  # tensors of the tags in a file begin with it
TREE = ("offsets", "node_ids", "codes")


class Doc2Vec(Word2Vec):
    """gensim 4's Doc2Vec; parameters, positions, defaults and attributes are gensim's.

    Parameters, methods and rules that Word2Vec has too are documented there. `firth.train_documents` does the training.

    Parameters
    ----------
    documents : iterable of TaggedDocument, optional
        Objects with ``words``, a list, and ``tags``, a list of strings or integers. An integer is a row of ``dv``.
    corpus_file : path, optional
        One document a line; the tag of a line is its number, from 0.
    dm : {1, 0}
        1: PV-DM. 0: PV-DBOW.
    dm_mean : {1, 0}, optional
        Whether PV-DM takes the mean (default) or the sum of tags and words. gensim 4 ignores this parameter, and always
        takes the mean.
    dbow_words : {0, 1}
        Whether PV-DBOW trains word vectors too, by skip-gram.
    dm_concat : {0}
        1, the concatenation of PV-DM, is refused.
    dm_tag_count : int
        Of ``dm_concat``; without effect.
    dv : KeyedVectors, optional
        The object that gets the vectors of the tags.
    dv_mapfile : ignored, as in gensim
    other parameters : as in `Word2Vec`; ``epochs`` is 10

    Attributes
    ----------
    dv : KeyedVectors
        The vectors of the tags: first those of the integers 0, 1, ..., then those of strings.
    wv : KeyedVectors

    Raises
    ------
    ParameterError
    """

    _KIND = "Doc2Vec"
    _OF_DOCUMENTS = True
    _SETTINGS = (*SETTINGS, "dbow_words", "dm_concat", "dm_tag_count")

    def __init__(
        self,
        documents: Any = None,
        corpus_file: Any = None,
        vector_size: int = 100,
        dm_mean: int | None = None,
        dm: int = 1,
        dbow_words: int = 0,
        dm_concat: int = 0,
        dm_tag_count: int = 1,
        dv: KeyedVectors | None = None,
        dv_mapfile: str | None = None,
        comment: str | None = None,
        trim_rule: TrimRule | None = None,
        callbacks: Iterable[Any] = (),
        window: int = 5,
        epochs: int = 10,
        shrink_windows: bool = True,
        **kwargs: Any,
    ) -> None:
        vector_size = renamed_argument(kwargs, "size", "vector_size", vector_size)
        if dm_concat:
            raise ParameterError(
                f"dm_concat must be 0, got {dm_concat!r}: firth has no concatenation; dm_mean=1 takes the mean of tags"
                " and words, dm_mean=0 their sum"
            )
        if dm not in (0, 1):
            raise ParameterError(f"dm must be 1 (PV-DM) or 0 (PV-DBOW), got {dm!r}")
        self.dbow_words = int(dbow_words)
        self.dm_concat = 0
        self.dm_tag_count = int(dm_tag_count)
        if dv is not None and (not isinstance(dv, KeyedVectors) or dv.vector_size != vector_size):
            raise ParameterError(f"dv must be KeyedVectors of vector_size={vector_size}, got {dv!s:.60}")
        self.dv = dv if dv is not None else KeyedVectors(int(vector_size), mapfile_path=dv_mapfile)
        self.dv.vectors_lockf = np.ones(1, dtype=np.float32)
        if dm_mean is not None:
            kwargs["cbow_mean"] = int(dm_mean)
        super().__init__(
            sentences=documents,
            corpus_file=corpus_file,
            vector_size=vector_size,
            window=window,
            sg=1 - dm,
            epochs=epochs,
            trim_rule=trim_rule,
            callbacks=callbacks,
            comment=comment,
            shrink_windows=shrink_windows,
            **kwargs,
        )

    _tree: HuffmanTree | None = None  # gensim's, of a file of gensim's with hs=1; None: firth's own
    _tags: TagReader | None = None  # of the documents that are read at this moment
    _tags_are_lines = False
    _new_tags: tuple[TagReader, NDArray[np.int64], NDArray[np.int64]] | None = None  # between scan and prepare_vocab
    _frozen_rows: tuple[tuple[Any, ...], tuple[Any, ...], InferenceEngine] | None = None  # of `_engine`

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_frozen_rows", "_tags")}

    @property
    def dm(self) -> bool:
        """Whether the model is PV-DM."""
        return not self.sg

    @property
    def dbow(self) -> bool:
        """Whether the model is PV-DBOW."""
        return bool(self.sg)

    @property
    def docvecs(self) -> KeyedVectors:
        """Deprecated: ``dv``."""
        _deprecate_docvecs()
        return self.dv

    @docvecs.setter
    def docvecs(self, value: KeyedVectors) -> None:
        _deprecate_docvecs()
        self.dv = value

    @property
    def _trains_words(self) -> bool:
        return self.dm or bool(self.dbow_words)

    def __str__(self) -> str:
        parts = [f'"{self.comment}"'] if self.comment else []
        if self.dm:
            parts.append("dm/m" if self.cbow_mean else "dm/s")
        else:
            parts.append("dbow+w" if self.dbow_words else "dbow")
        parts.append(f"d{self.dv.vector_size}")
        parts += [f"n{self.negative}"] if self.negative else []
        parts += ["hs"] if self.hs else []
        parts += [f"w{self.window}"] if self._trains_words else []
        parts += [f"mc{self.min_count}"] if self.min_count > 1 else []
        parts += [f"s{self.sample:g}"] if self.sample > 0 else []
        parts += [f"t{self.workers}"] if self.workers > 1 else []
        return f"{type(self).__name__}<{','.join(parts)}>"

    def __getitem__(self, tag: Any) -> NDArray[Any]:
        """The vector of a word, or of a tag that is no word; for a list, the vectors as rows."""
        if isinstance(tag, KEY_TYPES):
            return self.wv[tag] if tag in self.wv else self.dv[tag]
        return np.vstack([self[one] for one in tag])

    def to_firth(self) -> Model:
        """The model as a ``firth.Model`` of documents; ``infer`` infers many texts on all cores."""
        if self._tree is not None:
            raise ParameterError(
                "to_firth must be called on a model with firth's tree, got one that gensim trained with hs=1; infer by"
                " infer_vectors, or train on, which starts the nodes of the tree from zero"
            )
        model = super().to_firth()
        words, outputs = model.vectors, model.output_vectors
        if not self._trains_words:  # as firth.train_documents: the words have no input vectors that were trained
            rows = np.zeros_like(words.matrix) if self.hs else outputs
            words = WordVectors(words.words, rows, words.counts)
        documents = tag_vectors(self.dv.index_to_key, self.dv.vectors, self.dv.expandos.get("doc_count"))
        return Model(words, outputs, model.config, model.history, documents=documents, train_words=self._trains_words)

    # ---- vocabulary and tags

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
        """Count words and tags, choose the vocabulary, and make the initial vectors.

        ``update=True`` keeps words, tags and their vectors, and appends new ones; gensim forgets the old tags.

        Parameters
        ----------
        kwargs : ``min_count``, ``sample``; gensim 3's ``documents``
        """
        corpus_iterable = renamed_argument(kwargs, "documents", "corpus_iterable", corpus_iterable)
        super().build_vocab(corpus_iterable, corpus_file, update, progress_per, keep_raw_vocab, trim_rule, **kwargs)

    def _read_source(self, corpus_iterable: Any, corpus_file: Any) -> tuple[Any, bool]:
        source, self._tags, self._tags_are_lines = open_documents(corpus_iterable, corpus_file)
        return source, False  # an empty line is a document, which has a number

    @contextlib.contextmanager
    def _scanned(self, corpus_iterable: Any, corpus_file: Any) -> Iterator[tuple[EncodedCorpus | None, int, int]]:
        with super()._scanned(corpus_iterable, corpus_file) as (encoded, total_words, corpus_count):
            lengths = np.zeros(0, np.int64) if encoded is None else np.diff(encoded.offsets)
            assert self._tags is not None
            _validate_size(self._tags, self.vector_size)
            self._new_tags = (self._tags, *self._tags.counts(lengths))
            yield encoded, total_words, corpus_count

    def _log_counted(self, n_types: int, n_words: int, n_sentences: int) -> None:
        assert self._tags is not None
        if self._tags_are_lines:
            self._tags.add_lines(n_sentences)
        n_tags = self._tags.n_numbers + len(self._tags.names)
        logger.info(
            "collected %i word types and %i unique tags from a corpus of %i examples and %i words",
            *(n_types, n_tags, n_sentences, n_words),
        )
        if self._tags.n_numbers > n_sentences:
            logger.warning(
                "the highest tag that is an integer, %i, is above the number of documents, %i: rows of dv that no"
                " document has will be allocated",
                *(self._tags.n_numbers - 1, n_sentences),
            )

    def _set_vocabulary(self, kept: Any, update: bool) -> None:
        super()._set_vocabulary(kept, update)
        if self._new_tags is not None:
            self._set_tags(*self._new_tags, update)
            self._new_tags = None

    def _set_tags(self, tags: TagReader, documents: NDArray[np.int64], words: NDArray[np.int64], update: bool) -> None:
        """Put tags, and their numbers of documents and words, into ``dv``: rows of integers before those of strings."""
        dv = self.dv
        old_names = list(dv.key_to_index) if update else []
        n_old = len(dv.index_to_key) - len(old_names) if update else 0
        n_numbers = max(n_old, tags.n_numbers)
        names = [*old_names, *(name for name in tags.names if not update or name not in dv.key_to_index)]
        places = {name: n_numbers + place for place, name in enumerate(names)}
        old_rows = [*range(n_old), *(places[name] for name in old_names)]
        new_rows = [*range(tags.n_numbers), *(places[name] for name in tags.names)]
        for attr, values in (("doc_count", documents), ("word_count", words)):
            counts = np.zeros(n_numbers + len(names), np.int64)
            if update and attr in dv.expandos:
                counts[old_rows] = dv.expandos[attr]
            counts[new_rows] += values
            dv.expandos[attr] = counts
        if update and len(dv.vectors) == len(old_rows):
            fresh = KeyedVectors(self.vector_size)
            fresh.index_to_key = [None] * (n_numbers + len(names))
            fresh.resize_vectors(seed=self._tag_seed())
            fresh.vectors[old_rows] = dv.vectors
            dv.vectors = fresh.vectors
        dv.index_to_key = [*range(n_numbers), *names]
        dv.key_to_index = places
        dv.next_index = len(dv)
        dv.norms = None

    def create_binary_tree(self) -> None:
        """firth's Huffman tree, as the attributes ``code`` and ``point`` of the words."""
        self._tree = None
        super().create_binary_tree()

    def _huffman_tree(self) -> HuffmanTree:
        return super()._huffman_tree() if self._tree is None else self._tree

    def _tag_seed(self) -> int | None:
        return None if self.seed is None else self.seed + TAG_SEED

    def init_weights(self) -> None:
        """Initial vectors of words and tags from U(-1/D, 1/D), equal to gensim's to the bit; outputs of zeros."""
        super().init_weights()
        self.dv._clear_rows()
        self.dv.resize_vectors(seed=self._tag_seed())

    def reset_from(self, other_model: Doc2Vec) -> None:  # type: ignore[override]
        """Copy the words and tags of another model, and make new initial vectors."""
        self.dv.index_to_key = list(other_model.dv.index_to_key)
        self.dv.key_to_index = dict(other_model.dv.key_to_index)
        self.dv.expandos = {name: values.copy() for name, values in other_model.dv.expandos.items()}
        self.dv.next_index = len(self.dv)
        super().reset_from(other_model)

    def estimated_lookup_memory(self) -> int:
        """Bytes to find a tag, by gensim's figures."""
        return 200 * len(self.dv)

    def _memory_parts(self, n_words: int) -> dict[str, int]:
        tags = {
            "doctag_lookup": self.estimated_lookup_memory(),
            "doctag_syn0": len(self.dv) * self.vector_size * 4,
        }
        return {**tags, **super()._memory_parts(n_words)}

    # ---- training

    def train(  # type: ignore[override]  # compute_loss, in the middle of Word2Vec's parameters, is not gensim's here
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
        callbacks: Iterable[Any] = (),
        **kwargs: Any,
    ) -> tuple[int, int]:
        """Train on documents whose tags ``build_vocab`` has read; see ``Word2Vec.train``.

        A tag that is not in ``dv`` is an error; gensim leaves it out.
        """
        corpus_iterable = renamed_argument(kwargs, "documents", "corpus_iterable", corpus_iterable)
        open_documents(corpus_iterable, corpus_file)  # as in gensim, a wrong argument is refused before all others
        return super().train(
            corpus_iterable,
            corpus_file,
            total_examples,
            total_words,
            epochs,
            start_alpha,
            end_alpha,
            report_delay=report_delay,
            callbacks=callbacks,
            **kwargs,
        )

    def _run(self, source: Any, listeners: list[Callback], parameters: dict[str, Any]) -> Model:
        tags, dv, wv = self._tags, self.dv, self.wv
        assert tags is not None
        outputs = self._output_vectors()

        def find_tags(encoded: EncodedCorpus) -> Any:
            if self._tags_are_lines and encoded is not source:
                tags.add_lines(encoded.n_sequences)
            n_empty = int(np.count_nonzero(np.diff(encoded.offsets) == 0))
            if n_empty:
                logger.warning(
                    "%i of %i documents have no word of the vocabulary: their tags learn nothing from them",
                    *(n_empty, encoded.n_sequences),
                )
            return tags.rows_in(dv)

        frozen = frozen_rows("dv", dv)
        if self._trains_words:
            frozen = np.concatenate([frozen_rows("wv", wv), frozen])
        is_encoded = isinstance(source, EncodedCorpus)
        try:
            return run_documents(
                source,
                find_tags,
                TrainingConfig(**parameters).resolved(),
                with_words=self._trains_words,
                text=TextOptions(False, None, None, "strict", False, continues_rows=True),
                vocabulary=None if is_encoded else self._vocabulary(),
                options=RunOptions.parse(None, None, None, None, None, None, "discard"),
                callbacks=CallbackList(listeners),
                display=make_progress(False),
                start=StartRows(
                    tag_rows=dv.vectors,
                    output_rows=outputs if self._tree is None else np.zeros_like(outputs),  # nodes of another tree
                    word_rows=wv.vectors if self._trains_words else None,
                    frozen=frozen if frozen.any() else None,
                ),
            )
        finally:
            self._tags = None

    def _window_names(self) -> tuple[str, ...]:
        return super()._window_names() if self._trains_words else ()

    def _take(self, trained: Model | TrainingState) -> None:
        if self._tree is not None:
            self.create_binary_tree()
        super()._take(trained)
        documents = trained.documents
        assert documents is not None
        self.dv.vectors = put_rows(self.dv.vectors, documents.matrix)
        self.dv.norms = None

    def _take_vectors(self, vectors: WordVectors) -> None:
        if self._trains_words:
            super()._take_vectors(vectors)

    # ---- inference

    def infer_vector(
        self,
        doc_words: Sequence[Any],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
        **renamed: Any,
    ) -> NDArray[np.float32]:
        """Infer the vector (D,) of a document: a new row is trained, and all others are frozen.

        The same words in the same order always have the same vector: all draws are functions of ``seed`` and of the
        words. gensim draws from one generator, so its vectors depend on what was inferred before.

        Parameters
        ----------
        doc_words : list of words
            Unknown words are left out. Without a known word the vector is 0, and a line in the log says so; gensim
            gives a random vector.
        alpha, min_alpha : float, optional
            The learning rate at the start and at the end; the model's own if not given.
        epochs : int, optional
            Passes; the model's own number if not given.

        Raises
        ------
        CorpusTypeError (a TypeError), ParameterError, TrainingError
        """
        epochs = renamed_argument(renamed, "steps", "epochs", epochs)
        if renamed:
            raise TypeError(f"infer_vector() got an unexpected keyword argument {next(iter(renamed))!r}")
        vector: NDArray[np.float32] = self.infer_vectors([doc_words], alpha, min_alpha, epochs, threads=1)[0]
        return vector

    def infer_vectors(
        self,
        documents: Iterable[Sequence[Any]],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
        threads: int | None = None,
    ) -> NDArray[np.float32]:
        """Infer the vectors (n, D) of documents, on all cores; row i is equal to ``infer_vector(documents[i])``.

        gensim has no such method.

        Parameters
        ----------
        documents : iterable of lists of words
        alpha, min_alpha, epochs : as in ``infer_vector``
        threads : int, optional
            All processors if not given.

        Raises
        ------
        CorpusTypeError (a TypeError), ParameterError, TrainingError
        """
        alpha, min_alpha = float(alpha or self.alpha), float(min_alpha or self.min_alpha)
        epochs = as_integer("epochs", epochs or self.epochs, minimum=1, maximum=MAX_INT32)
        rows, lengths = self.wv.key_to_index, [0]
        ids: list[int] = []
        for document in [documents] if isinstance(documents, str) else documents:
            if isinstance(document, (str, bytes)):
                raise CorpusTypeError(f"doc_words must be a list of words, got the string {document!r:.40}; split it")
            ids += [rows[word] for word in document if word in rows]
            lengths.append(len(ids))
        engine, offsets = self._engine(), np.array(lengths, np.int64)
        seed = secrets.randbits(64) if self.seed is None else int(self.seed) % 2**64
        vectors, _ = engine.infer(
            np.array(ids, np.int32),
            offsets,
            epochs=epochs,
            seed=seed,
            threads=threads,
            learning_rates=(max(alpha, min_alpha), min_alpha),
        )
        is_empty = np.diff(offsets) == 0
        if is_empty.any():
            logger.warning("%i documents have no word of the vocabulary: their vectors are 0", int(is_empty.sum()))
            vectors[is_empty] = 0
        return vectors

    def _engine(self) -> InferenceEngine:
        """The frozen rows for inference. The model's arrays become views of them, so that a change is a change of both.

        They are made again after arrays or parameters were replaced.
        """
        name = "syn1" if self.hs else "syn1neg"
        if not self.wv.key_to_index or name not in self.__dict__:
            raise EmptyVocabularyError("you must first build vocabulary before inferring vectors: build_vocab(...)")
        self._refuse_two_objectives()
        settings = (*(getattr(self, one) for one in _OF_INFERENCE), self.vector_size, bool(self.shrink_windows))
        others = (self.wv.expandos.get("count"), self._tree)
        arrays = (self.wv.vectors if self.dm else None, getattr(self, name), *others)
        kept = self._frozen_rows
        if kept is not None and kept[0] == settings and all(a is b for a, b in zip(kept[1], arrays, strict=True)):
            return kept[2]
        config = TrainingConfig(**self._training_parameters(max(self.alpha, self.min_alpha), self.min_alpha)).resolved()
        words = np.asarray(take_rows(self.wv.vectors), np.float32) if self.dm else None
        outputs = np.asarray(getattr(self, name), np.float32)
        engine = InferenceEngine(config, self._counts(), words, outputs, tree=self._tree)
        output_rows, word_rows = engine.output_rows, engine.word_rows
        setattr(self, name, output_rows)
        if self.dm:
            self.wv.vectors = word_rows
        self._frozen_rows = (settings, (word_rows if self.dm else None, output_rows, *others), engine)
        return engine

    def similarity_unseen_docs(
        self,
        doc_words1: Sequence[Any],
        doc_words2: Sequence[Any],
        alpha: float | None = None,
        min_alpha: float | None = None,
        epochs: int | None = None,
    ) -> float:
        """Cosine of the inferred vectors of two documents."""
        return self.dv._cosine(*self.infer_vectors([doc_words1, doc_words2], alpha, min_alpha, epochs, threads=1))

    # ---- files

    def save_word2vec_format(
        self,
        fname: str | os.PathLike[str],
        doctag_vec: bool = False,
        word_vec: bool = True,
        prefix: str = "*dt_",
        fvocab: str | os.PathLike[str] | None = None,
        binary: bool = False,
    ) -> None:
        """Write the vectors of words, of tags, or both into word2vec's file; names of tags get the prefix.

        ``fvocab`` gets a line for each vector: the count of the word, or the number of documents of the tag.
        """
        if not word_vec and not doctag_vec:
            raise ParameterError("word_vec or doctag_vec must be True, got False for both: nothing would be written")
        if not doctag_vec:
            self.wv.save_word2vec_format(fname, fvocab, binary)
        elif not word_vec:
            self.dv.save_word2vec_format(fname, fvocab, binary, prefix=prefix, sort_attr="doc_count")
        else:
            order, tag_order = (np.argsort(-counts, kind="stable") for counts in (self._counts(), self._tag_counts()))
            words = [str(self.wv.index_to_key[row]) for row in order.tolist()]
            tags = [f"{prefix}{self.dv.index_to_key[row]}" for row in tag_order.tolist()]
            rows = np.concatenate([take_rows(self.wv.vectors)[order], self.dv.vectors[tag_order]])
            KeyedVectors._from_rows([*words, *tags], rows, None).save_word2vec_format(fname, None, binary)
            if fvocab is not None:
                counts = np.concatenate([self._counts()[order], self._tag_counts()[tag_order]])
                write_counts(fvocab, [*words, *tags], counts)

    def _tag_counts(self) -> NDArray[np.int64]:
        """int64 (T,): the documents of each tag; 0 if they are not known."""
        return np.asarray(self.dv.expandos.get("doc_count", np.zeros(len(self.dv))), np.int64)

    def _own_stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        state, tensors = self.dv._to_stored()
        tensors["vectors_lockf"] = np.asarray(self.dv.vectors_lockf, np.float32)
        if self._tree is not None:
            tensors |= {f"tree.{name}": getattr(self._tree, name) for name in TREE}
        return {"dv": state}, {f"{DV}{name}": tensor for name, tensor in tensors.items()}

    def _take_stored(
        self, state: dict[str, Any], tensors: dict[str, NDArray[Any]], fname: Any, mmap: str | None
    ) -> None:
        own = {name.removeprefix(DV): tensors.pop(name) for name in list(tensors) if name.startswith(DV)}
        tag_state, lock_factors = state.get("dv"), own.pop("vectors_lockf", None)
        tree = {name: own.pop(f"tree.{name}") for name in TREE if f"tree.{name}" in own}
        if not isinstance(tag_state, dict) or lock_factors is None:
            raise FormatError(f"{fname}: the vectors of the tags are damaged")
        self.dv = KeyedVectors._from_stored(tag_state, own, fname, mmap)
        self._settle_tags()
        self.dv.vectors_lockf = np.array(lock_factors)
        if tree:
            self._tree = validate_tree(fname, *(np.array(tree.get(name, ())) for name in TREE))
            if self._tree.n_words != len(self.wv):
                raise FormatError(f"{fname}: the tree must have {len(self.wv)} words, got {self._tree.n_words}")

    def _take_saved(self, saved: GensimModel) -> None:
        found = saved.documents
        assert found is not None
        self.dv = KeyedVectors._from_rows(list(found.tags), np.array(found.matrix), None)
        self.dv.vectors_lockf = np.ones(1, np.float32)
        for name, counts in (("doc_count", found.doc_counts), ("word_count", found.word_counts)):
            if counts is not None:
                self.dv.expandos[name] = np.array(counts)
        self._settle_tags()

    def _take_saved_tree(self, saved: GensimModel, fname: Any) -> None:
        if saved.tree is None or "syn1" not in saved.output_vectors:
            super()._take_saved_tree(saved, fname)
            return
        warnings.warn(
            f"{fname}: inference uses gensim's Huffman tree; firth's breaks ties otherwise, so if training goes on, the"
            " vectors of its nodes start from zero",
            UserWarning,
            stacklevel=4,
        )
        self._tree = saved.tree
        self.syn1 = np.array(saved.output_vectors["syn1"])
        self._show_tree(saved.tree)

    def _settle_tags(self) -> None:
        """Leave out of ``key_to_index`` integers that are their own rows, as ``build_vocab`` does."""
        rows = self.dv.key_to_index.items()
        self.dv.key_to_index = {key: row for key, row in rows if isinstance(key, str) or key != row}

    # ---- what gensim 4 deprecates

    def init_sims(self, replace: bool = False) -> None:
        """Deprecated: ``model.dv.fill_norms()``, or ``model.dv.unit_normalize_all()``."""
        self.dv.init_sims(replace=replace)


_OF_INFERENCE = ("sg", "hs", "negative", "ns_exponent", "sample", "window", "cbow_mean", "layer1_size", "min_count")


def _validate_size(tags: TagReader, vector_size: int) -> None:
    n_tags = tags.n_numbers + len(tags.names)
    n_bytes, available = 4 * n_tags * vector_size, available_memory_bytes()
    if available is not None and n_bytes > available:
        raise ParameterError(
            f"the tags must fit into {available:,} bytes of free memory, got {n_tags:,} rows of {n_bytes:,} bytes; an"
            f" integer is the number of a row, and the highest one is {tags.n_numbers - 1:,}: use str(tag) for numbers"
            " with gaps"
        )


def _deprecate_docvecs() -> None:
    warnings.warn("docvecs is deprecated since gensim 4; use dv", DeprecationWarning, stacklevel=3)


MODEL_CLASSES["Doc2Vec"] = Doc2Vec
VECTOR_CLASSES["Doc2Vec"] = KeyedVectors


def __getattr__(name: str) -> Any:
    return stand_in_for(__name__, name)


__all__ = ["FAST_VERSION", "Doc2Vec", "TaggedBrownCorpus", "TaggedDocument", "TaggedLineDocument"]
