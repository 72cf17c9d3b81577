"""Room classification: the classifier, which predicts labels from the mean of a text's rows (words and n-grams)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.base.collector import collector_paused
from firth.base.machine import available_processors
from firth.base.values import as_integer, is_number
from firth.classification.folder import KIND, write_folder
from firth.classification.training_texts import LABEL_PREFIX
from firth.corpus.tables import rows_of
from firth.errors import CorpusTypeError, EncodingError, FormatError, ParameterError, StorageError
from firth.formats.fasttext_model import LOSSES, FastTextModel, Matrix, QuantizedMatrix, read_classifier
from firth.formats.fasttext_writer import write_classifier
from firth.formats.model_folder import validate_model_destination
from firth.native.classify import MatrixParts, NativeClassifier

FILE_ENDINGS = (".bin", ".ftz")


class Predictions(NamedTuple):
    """Predicted labels, the most probable first, and their probabilities.

    Attributes
    ----------
    labels : list of str, or list of list of str
        The labels of one text. For several texts, a list for each text.
    probabilities : float32 array, (n,) or (n_texts, k)
        The probability of each label of one text. For several texts, a row for each text; if a text has fewer than k
        labels, its row ends in zeros.
    """

    labels: list[Any]
    probabilities: NDArray[np.float32]

    def __repr__(self) -> str:
        if self.probabilities.ndim == 2:
            return f"Predictions({len(self.labels):,} texts, at most {self.probabilities.shape[1]:,} labels each)"
        probabilities = " ".join(repr(self.probabilities).split())
        return f"Predictions(labels={self.labels!r}, probabilities={probabilities})"


class Classifier:
    """Predicts the labels of texts. `firth.train_classifier` makes a classifier, and `firth.load` opens one.

    A text is divided at white space. Its words, the character n-grams of each word, and the n-grams of words have
    input rows; the model's training decided which of these kinds there are. A row that occurs n times counts n times.
    With h the mean of a text's rows and u_c the output row of label c, the probability of c is

        softmax               exp(u_c . h) / sum_d exp(u_d . h)
        one-vs-all,           1 / (1 + exp(-u_c . h)), for each label by itself: the sum over labels is not 1
        negative-sampling
        hierarchical-softmax  the product, over the inner nodes on the path to c, of 1 / (1 + exp(-u . h)) if the path
                              goes right, and of 1 minus this probability if it goes left

    Predictions equal fastText's. As in fastText, 1e-5 is added to each probability (with hierarchical softmax, at each
    node), and one-vs-all and negative sampling read the sigmoid from a table of 512 steps. A probability that exceeds 1
    by this addition becomes 1.

    Parameters
    ----------
    model : FastTextModel
        From `firth.formats.fasttext_model.read_classifier`.
    history : firth.History or None
        The record of the training run, if firth trained the classifier. It becomes the attribute ``history``.

    Examples
    --------
    >>> import firth
    >>> model = firth.load("lid.176.ftz")  # doctest: +SKIP
    >>> model.predict("Wo ist der Bahnhof?", k=2)  # doctest: +SKIP
    Predictions(labels=['de', 'en'], probabilities=array([0.99..., 0.00...], dtype=float32))
    """

    def __init__(self, model: FastTextModel, *, history: Any = None) -> None:
        self.model = model
        self.history = history
        arguments = model.arguments
        names = [label.decode("utf-8", "backslashreplace").removeprefix(LABEL_PREFIX) for label in model.labels]
        self.labels: tuple[str, ...] = tuple(names)
        self._names = np.array(names, dtype=object)
        self._native = NativeClassifier(
            model.entries,
            model.n_words,
            model.label_counts,
            model.kept_ngrams,
            _parts(model.input_matrix),
            _parts(model.output_matrix),
            n_dims=arguments.dims,
            word_ngrams=arguments.word_ngrams,
            min_chars=arguments.min_chars,
            max_chars=arguments.max_chars,
            n_buckets=arguments.buckets,
            loss=arguments.loss,
        )

    @property
    def loss(self) -> str:
        """``"softmax"``, ``"hierarchical-softmax"``, ``"negative-sampling"`` or ``"one-vs-all"``."""
        return LOSSES[self.model.arguments.loss]

    @property
    def dims(self) -> int:
        """Number of columns of both matrices."""
        return self.model.arguments.dims

    def __reduce__(self) -> tuple[type[Classifier], tuple[FastTextModel], dict[str, Any]]:
        """Copies and pickles have the model and its history. Native code prepares the model again."""
        return Classifier, (self.model,), {"history": self.history}

    def __repr__(self) -> str:
        kind = ", quantized" if isinstance(self.model.input_matrix, QuantizedMatrix) else ""
        sizes = f"{len(self.labels):,} labels, {self.model.n_words:,} words, {self.dims} dims"
        return f"Classifier({sizes}, {self.loss}{kind})"

    def predict(
        self, texts: Any, k: int | None = 1, threshold: float = 0.0, *, threads: int | None = None
    ) -> Predictions:
        """Predict the most probable labels of one text, or of many.

        Native code predicts on several threads, without Python's global lock. Words are separated by white space or
        line ends. As in fastText, the word ``</s>`` (end of sentence) follows each text. If a text itself has the word
        ``</s>``, the rest of the text is not read.

        A text without a row has no label: no word is known, no n-gram has a row, and the model has no ``</s>``. An
        empty text has no label if the model has no ``</s>``.

        Parameters
        ----------
        texts : str or bytes; or a list, a column of a frame, or another iterable of str or bytes
            Bytes need not be UTF-8; fastText's models work on bytes.
        k : int or None
            The largest number of labels of a text. None: all labels whose probability reaches the threshold.
        threshold : float in [0, 1]
            The least probability of a label. Hierarchical softmax never gives labels of less than 1e-5.
        threads : int or None
            Number of threads. None: the cores that this process may use.

        Returns
        -------
        Predictions
            ``labels, probabilities``: for one text a list and an array (n,); for many texts a list of lists and an
            array (n_texts, k). Labels have no ``__label__`` in front.

        Raises
        ------
        CorpusTypeError
            A text is not a string; or ``texts`` is a frame, a mapping or a set.
        CorpusError
            A row of a frame has no value.
        EncodingError
            A string has lone surrogates, which UTF-8 cannot encode.
        ParameterError
        FormatError
            The model has a NaN or an infinity in a row that a text needs.

        Examples
        --------
        >>> import numpy as np
        >>> from firth.classification.example import tiny_classifier
        >>> model = tiny_classifier()
        >>> model.predict("sweet apple pie")
        Predictions(labels=['food'], probabilities=array([0.98...], dtype=float32))
        >>> labels, probabilities = model.predict(["sweet apple", "fast car"], k=2)
        >>> labels
        [['food', 'cars'], ['cars', 'food']]
        >>> np.round(probabilities, 2).tolist()
        [[...
        """
        is_one = isinstance(texts, str | bytes)
        ids, probabilities = self.predict_ids(texts, k, threshold, threads=threads)
        np.minimum(probabilities, 1.0, out=probabilities)
        with collector_paused():
            if len(ids) == 0 or ids.min() >= 0:
                labels = self._names[ids].tolist()
            else:
                names = self.labels
                labels = [[names[label] for label in row if label >= 0] for row in ids.tolist()]
        if is_one:
            return Predictions(labels[0], probabilities[0, : len(labels[0])])
        return Predictions(labels, probabilities)

    def predict_ids(
        self, texts: Any, k: int | None = 1, threshold: float = 0.0, *, threads: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Predict the numbers of labels in place of their names, with fastText's unchanged probabilities.

        These probabilities may exceed 1 by some 1e-5.

        Parameters
        ----------
        texts, k, threshold, threads : as for `predict`
            One text gives one row.

        Returns
        -------
        ids : int32 array, (n_texts, k)
            Indices into ``labels``. If a text has fewer than k labels, its row ends in -1.
        probabilities : float32 array, (n_texts, k)
            If a text has fewer than k labels, its row ends in 0.
        """
        if k is not None:
            k = as_integer("k", k, minimum=1)
        n_best = len(self.labels) if k is None else min(k, len(self.labels))
        if not is_number(threshold) or not 0 <= threshold <= 1:
            raise ParameterError(f"threshold must lie in 0 to 1, got {threshold!r}")
        n_threads = available_processors() if threads is None else as_integer("threads", threads, minimum=1)
        many: Sequence[str | bytes] = [texts] if isinstance(texts, str | bytes) else _as_texts(texts)
        try:
            return self._native.predict(many, n_best, float(threshold), n_threads)
        except (TypeError, AttributeError, UnicodeEncodeError) as error:
            _explain_texts(many)
            raise error from None

    def quantize(
        self,
        *,
        cutoff: int | None = None,
        norms: bool = True,
        part_dims: int = 2,
        output: bool = False,
        seed: int = 1,
        threads: int | None = None,
    ) -> Classifier:
        """Make a small copy of this model by product quantization. This model does not change.

        The columns are divided into parts of ``part_dims`` columns. k-means finds 256 centroids of each part, and each
        row stores one byte a part: the number of the nearest centroid. One more byte stores the row's norm. fastText's
        ``quantize`` does the same; its centroids differ, because its k-means starts from other rows.

        Parameters
        ----------
        cutoff : int or None
            Number of rows to keep: ``</s>``, and the rows of words and n-grams with the largest norms. None: all rows.
        norms : bool
            Whether the direction and the norm of a row are quantized apart. If False, rows are quantized with their
            norms, and each takes one byte less.
        part_dims : int
            Columns of a part. Smaller parts lose less accuracy and take more bytes.
        output : bool
            Whether the rows of the labels are quantized as well. This is worth it for thousands of labels.
        seed : int
            The same seed gives the same model.
        threads : int or None
            Number of threads. None: the cores that this process may use.

        Returns
        -------
        Classifier

        Raises
        ------
        ParameterError
            The model is quantized already, or ``cutoff`` leaves no word.
        FormatError
            The input matrix has a NaN or an infinity.

        Examples
        --------
        >>> from firth.classification.example import tiny_classifier
        >>> small = tiny_classifier().quantize(cutoff=4, part_dims=1)
        >>> small
        Classifier(2 labels, 4 words, 1 dims, softmax, quantized)
        >>> small.predict("the fast car").labels
        ['cars']
        """
        from firth.classification.quantization import quantize_model

        return Classifier(
            quantize_model(
                self.model,
                cutoff=cutoff,
                norms=norms,
                part_dims=part_dims,
                output=output,
                seed=seed,
                threads=threads,
            )
        )

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the model as a file of fastText's, or as a folder of firth's.

        A path that ends in ``.bin`` or ``.ftz`` becomes a file in fastText's format, version 12; a quantized model
        always does. fastText loads this file and predicts the same. Any other path becomes a folder with
        ``config.json`` and one safetensors file. The folder also has the record of the training run. Of the n-grams'
        rows it has only the rows that are not zeros.

        Parameters
        ----------
        path : path
        overwrite : bool
            Whether an existing file, or an existing classifier's folder, may be replaced.

        Raises
        ------
        StorageError
            The path exists, or cannot be written.
        FormatError
            A word or a label has a byte of 0.

        Examples
        --------
        >>> import os, tempfile, firth
        >>> from firth.classification.example import tiny_classifier
        >>> path = os.path.join(tempfile.mkdtemp(), "tiny.bin")
        >>> tiny_classifier().save(path)
        >>> firth.load(path).predict("sweet pie").labels
        ['food']
        """
        place = Path(path)
        if place.suffix in FILE_ENDINGS or isinstance(self.model.input_matrix, QuantizedMatrix):
            write_classifier(place, self.model, overwrite=overwrite)
        else:
            write_folder(place, self.model, None if self.history is None else self.history.to_json(), overwrite)

    def find_rows(self, text: str | bytes) -> NDArray[np.int32]:
        """The input rows whose mean is the vector of a text, in fastText's order. Repeated rows are repeated."""
        _explain_texts([text])
        return self._native.find_rows(text if isinstance(text, bytes) else text.encode())

    def find_all_rows(self, texts: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The rows of many texts, one text's after the other's, and their offsets (n_texts + 1,)."""
        return self._native.find_all_rows(texts)


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Open a supervised model of fastText, ``.bin`` or ``.ftz``. `firth.load` opens it too.

    An input matrix that is not quantized stays in the file and is mapped into memory, so several processes share it.
    The file must not change while the model is in use.

    Raises
    ------
    FormatError
        The file is not a supervised model, or it is damaged. The message says where.
    StorageError
    """
    place = Path(path)
    model = read_classifier(place)
    try:
        return Classifier(model)
    except FormatError as error:
        raise FormatError(f"{place}: {error}") from None


def validate_classifier_destination(path: Path, overwrite: bool) -> None:
    """Raise, before training begins, if `Classifier.save` would refuse the path.

    Raises
    ------
    StorageError
    """
    if path.suffix not in FILE_ENDINGS:
        validate_model_destination(path, overwrite, {"kind": KIND})
    elif path.is_dir():
        raise StorageError(f"{path} must be a file, got a folder; choose another name")
    elif path.exists() and not overwrite:
        raise StorageError(f"{path} exists; choose another file, or give overwrite=True")


def _parts(matrix: Matrix) -> MatrixParts:
    if not isinstance(matrix, QuantizedMatrix):
        return MatrixParts(len(matrix), rows=matrix)
    n_rows, _ = matrix.shape
    return MatrixParts(n_rows, None, matrix.codes, matrix.centroids, matrix.part_dims, matrix.norm_codes, matrix.norms)


def _as_texts(texts: Any) -> list[str | bytes]:
    if isinstance(texts, list):
        return texts
    if isinstance(texts, Mapping | AbstractSet):
        reason = (
            "which iterates over its keys; pass list(texts.values())"
            if isinstance(texts, Mapping)
            else "which has no order; pass sorted(texts), because answers come in the order of the texts"
        )
        raise CorpusTypeError(f"texts must be a string or a list of strings, got {type(texts).__name__}, {reason}")
    is_frame = hasattr(texts, "columns") or hasattr(texts, "column_names")
    if is_frame or isinstance(texts, np.ndarray):
        texts = rows_of(texts, "texts")  # a frame would yield the names of its columns
    elif hasattr(texts, "to_pylist"):
        texts = texts.to_pylist()  # an Arrow array would yield Arrow scalars
    if not isinstance(texts, Iterable):
        raise CorpusTypeError(f"texts must be a string or a list of strings, got {type(texts).__name__}")
    return list(texts)


def _explain_texts(texts: Sequence[Any]) -> None:
    """Raise an error that names the first text that is not a valid string."""
    for position, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise CorpusTypeError(
                f"texts must be strings, got {type(text).__name__} at position {position}; turn it into text first"
            ) from None
        try:
            text.encode() if isinstance(text, str) else text
        except UnicodeEncodeError as error:
            raise EncodingError(
                f"texts must be valid Unicode, got a lone surrogate at character {error.start} of the text at position"
                f" {position}; give bytes, or replace it"
            ) from None


__all__ = ["Classifier", "Predictions", "load_classifier", "validate_classifier_destination"]
