"""Room training: train_documents: from documents and tags to a model with a vector for each tag."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from firth.base.other_names import TRAINING_NAMES, names_translated
from firth.base.values import validate_choice
from firth.corpus.documents import Tags, find_documents, read_tags, validate_words
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.tokenizers import TokenizerLike, resolve_tokenizer
from firth.corpus.vocabulary import Vocabulary
from firth.errors import ParameterError
from firth.kernels.config import PARAMETER_HELP, TrainingConfig, validate_effect, with_parameters
from firth.models.model import Model
from firth.native.loader import default_instruction_set
from firth.numerics.documents import METHODS
from firth.numerics.windows import CBOW_INPUTS
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.periods import Period
from firth.training.loop.progress import ProgressDisplay, make_progress
from firth.training.run.document_rows import DocumentRows, StartRows
from firth.training.run.encoding import TextOptions, encode_for_training, is_lowercase, recorded_tokenizer
from firth.training.run.options import RunOptions
from firth.training.run.prepared import PreparedRun
from firth.training.run.workspace import open_workspace

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from firth.kernels.parameters import TrainingParameters

EPOCHS = 10  # a document's row learns from the document's words alone, so it needs more passes than a word's
RATE_FACTOR = 2.0  # and larger steps: of the learning rate by default (measured: docs/documents.md)
_DECIDED = {"architecture": "method", "cbow_input": "dm_input"}
_OF_WINDOWS = ("window", "window_mode", "window_side")


@names_translated(TRAINING_NAMES)
def train_documents(
    corpus: Any,
    tags: Any = None,
    *,
    method: str = "dbow",
    dm_input: str = "mean",
    train_words: bool = False,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str] | None = None,
    encoding_errors: str = "strict",
    as_text: bool = False,
    column: str | None = None,
    vocabulary: Vocabulary | None = None,
    heldout: float | str | None = None,
    heldout_every: str | Period | None = None,
    patience: int | None = None,
    checkpoint_every: str | float | Period | None = None,
    on_interrupt: str = "save",
    matrices: str = "memory",
    callbacks: Iterable[Any] = (),
    progress: bool | None = None,
    **parameters: Unpack[TrainingParameters],
) -> Model:
    """Train a vector for each document, or for each tag of documents (Le and Mikolov 2014).

    PV-DBOW (``method="dbow"``) predicts every word of a document from the rows of the document's tags. PV-DM
    (``method="dm"``) predicts it from the tags and the words of its window together. ``model.documents`` has the
    vectors of the tags; ``model.infer`` computes the vectors of new texts.

    Parameters
    ----------
    corpus : path; folder; list of texts, of token lists or of ``pathlib.Path``; column of texts or lists; EncodedCorpus
        A path is a file with a document in each line. In a folder, or a list of paths, each file is a document.
    tags : list or column of str, int, or lists of them; or None
        The tags of each document: strings or integers. A document may have several, and documents may share tags, such
        as authors. None: the names of the files, or the numbers 0, 1, ... of the documents.
    method : {"dbow", "dm"}
    dm_input : {"mean", "sum"}
        How PV-DM joins the rows of tags and words.
    train_words : bool
        For PV-DBOW: train skip-gram's word vectors together with the documents. PV-DM always trains words.
    column : str or None
        The column of texts, or of token lists, if the corpus is tables, as in ``firth.train``. Each row is a document.
    heldout : share like ``"5%"`` or ``0.05``, or None
        The last words of every document, by this share, are not trained on; their loss is computed during the run.
    epochs : int
        Passes over the documents; 10 unless given.
    learning_rate : float
        At the start; twice that of ``firth.train`` unless given: 0.05, and 0.15 for PV-DM by the gradient of the mean.
    deterministic : bool
        The same bits whatever ``threads`` is: one thread learns.
    output, overwrite, lowercase, tokenizer, normalizer, encoding_errors, as_text, vocabulary, heldout_every, patience,
    checkpoint_every, on_interrupt, matrices, callbacks, progress
        As for ``firth.train``.
    parameters
        The other parameters of ``firth.train``, such as ``loss``, ``dims``, ``min_count``, ``negatives``.
        ``architecture`` and ``cbow_input`` follow from ``method`` and ``dm_input``. Refused: ``subwords=True``, and
        ``window_mode="sequence"``.

    Returns
    -------
    Model
        ``documents`` are the vectors of the tags; their counts are the documents that have each tag. ``vectors`` are
        the word vectors; PV-DBOW without ``train_words`` learns no input vectors of words, so ``vectors`` has the
        output vectors there, or zeros with ``loss="hierarchical-softmax"``, which has none of words.

    Raises
    ------
    CorpusError
        A document has no tag or one tag twice, or a tag has no document with a word of the vocabulary.
    CorpusTypeError, ParameterError, StorageError, EncodingError
        Before any work is lost.
    DivergenceError, TrainingError, UnsavedModelError, KeyboardInterrupt
        As for ``firth.train``.

    Examples
    --------
    >>> import firth
    >>> texts = ["apple pie with cream", "a pie of sweet apple", "a fast red car", "the red car is fast"] * 10
    >>> model = firth.train_documents(texts, ["food", "food", "cars", "cars"] * 10, min_count=1, dims=8, epochs=40,
    ...                               subsample=0, threads=1, progress=False)
    >>> model.neighbors("sweet cream pie", top=1)[0].word
    'food'
    """
    for name in parameters:
        if name in _DECIDED:
            raise ParameterError(f"{name} must be left out of train_documents; {_DECIDED[name]} decides it")
        if name not in PARAMETER_HELP:
            known = ", ".join(other for other in PARAMETER_HELP if other not in _DECIDED)
            raise TypeError(
                f"train_documents() got an unexpected keyword argument {name!r}; the parameters of learning are {known}"
            )
    config = _make_config(method, dm_input, train_words, dict(parameters))
    options = parse_document_options(heldout, heldout_every, patience, checkpoint_every, output, on_interrupt, matrices)
    callback_list = CallbackList(callbacks)
    display = make_progress(progress)
    text = TextOptions(lowercase, resolve_tokenizer(tokenizer), normalizer, encoding_errors, as_text, column=column)
    corpus, text, names = read_documents(corpus, text)
    return run_documents(
        corpus,
        lambda encoded: read_tags(tags, encoded.n_sequences, names),
        config,
        with_words=method == "dm" or train_words,
        text=text,
        vocabulary=vocabulary,
        options=options,
        callbacks=callback_list,
        display=display,
        output=output,
        overwrite=overwrite,
    )


train_documents.__signature__ = with_parameters(train_documents)  # type: ignore[attr-defined]


def run_documents(
    corpus: Any,
    find_tags: Callable[[EncodedCorpus], Tags],
    config: TrainingConfig,
    *,
    with_words: bool,
    text: TextOptions,
    vocabulary: Vocabulary | None,
    options: RunOptions,
    callbacks: CallbackList,
    display: ProgressDisplay,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    start: StartRows | None = None,
) -> Model:
    """Train a vector for each tag: the run of ``train_documents``, with its arguments checked.

    Parameters
    ----------
    corpus : EncodedCorpus, or a corpus for ``encode_corpus``
        Each sequence is a document.
    find_tags : function of the encoded corpus
        Returns the tags of its sequences.
    config : TrainingConfig, resolved
    with_words : bool
        Whether words have input rows.
    start : StartRows or None
        What the rows are at the start. None: random rows; then each tag must have a document with a known word.

    Raises
    ------
    ParameterError
        A row of the start is not finite.
    """
    if start is not None:
        start.validate()
    with open_workspace(output, overwrite, display) as (workspace, signals):
        whole = dataclasses.replace(options, heldout=None)  # words are held out, and no documents
        encoded, _, encode_seconds = encode_for_training(
            corpus, workspace, config, text, vocabulary, whole, display, workspace.corpus_folder
        )
        tags = find_tags(encoded)
        share = None if options.heldout is None else options.heldout.share
        rows = DocumentRows(tags, with_words=with_words, heldout_share=share)
        n_without = validate_words(tags, rows.divide(encoded)[0][1], tags_may_learn_nothing=start is not None)
        if n_without:
            display.note(f"{n_without:,} of {encoded.n_sequences:,} documents have no word of the vocabulary")
        run = PreparedRun(
            config=config,
            workspace=workspace,
            corpus=encoded,
            heldout=rows.divide(encoded)[1],
            lowercase=is_lowercase(encoded),
            weights=None,
            noise=None,
            frozen=None if start is None else start.frozen,
            phrases=None,
            instruction_set=default_instruction_set(),
            tokenizer=recorded_tokenizer(encoded),
            documents=rows,
            matrices=options.matrices,
        )
        run.validate()
        run.report_needs(options, display, encode_seconds)
        engine = run.make_engine()

        def load_start() -> None:
            engine.reset_vectors()
            if start is not None:
                engine.load_vectors(start.input_rows(), start.output_rows)

        if start is not None:
            load_start()
        state = run.begin(engine, encode_seconds, has_start_vectors=start is not None)
        checkpoints = run.prepare_checkpoints(options, engine, state, write_first=start is not None)
        return run.train(engine, state, options, callbacks, display, signals, checkpoints, load_start)


def _make_config(method: str, dm_input: str, train_words: bool, parameters: dict[str, Any]) -> TrainingConfig:
    validate_choice("method", method, METHODS)
    validate_choice("dm_input", dm_input, CBOW_INPUTS)
    if method == "dm" and train_words:
        raise ParameterError("train_words must be False with method='dm', which always trains words, got True")
    if method == "dbow" and dm_input != "mean":
        raise ParameterError(f"dm_input must be left out with method='dbow', where it has no effect, got {dm_input!r}")
    validate_document_parameters(parameters, with_windows=method == "dm" or train_words)
    side = {"architecture": "skipgram"} if method == "dbow" else {"architecture": "cbow", "cbow_input": dm_input}
    given = {"epochs": EPOCHS, **parameters, **side}
    if given.get("learning_rate") is None:
        usual = TrainingConfig(**(given | {"min_learning_rate": None})).resolved().learning_rate
        assert usual is not None
        given["learning_rate"] = RATE_FACTOR * usual
    config = TrainingConfig(**given).resolved()
    validate_effect(config, parameters)
    return config


def read_documents(corpus: Any, text: TextOptions) -> tuple[Any, TextOptions, list[str] | None]:
    """The documents and how they are read, for ``encode_for_training``; and the files' names if each is a document.

    ``text`` has the tokenizer and the column of the user.
    """
    if text.column is not None:
        return corpus, text, None
    if isinstance(corpus, EncodedCorpus):
        return corpus, dataclasses.replace(text, tokenizer=None), None
    found = find_documents(corpus, text.tokenizer, encoding_errors=text.encoding_errors, as_text=text.as_text)
    return found.source, dataclasses.replace(text, tokenizer=found.tokenizer, as_text=found.as_text), found.names


def parse_document_options(
    heldout: Any,
    heldout_every: str | Period | None,
    patience: int | None,
    checkpoint_every: str | float | Period | None,
    output: str | os.PathLike[str] | None,
    on_interrupt: str,
    matrices: str,
) -> RunOptions:
    """The options of a run of documents; only a share of the words can be held out."""
    options = RunOptions.parse(
        heldout, heldout_every, patience, None, checkpoint_every, output, on_interrupt, matrices=matrices
    )
    if options.heldout is not None and options.heldout.share is None:
        raise ParameterError(
            f'heldout must be a share like "5%" for documents, got {heldout!r:.60}: a document that is not trained on'
            " has no vector to be evaluated"
        )
    return options


def validate_document_parameters(parameters: Mapping[str, Any], *, with_windows: bool) -> None:
    """Refuse parameters that have no meaning for documents; ``with_windows``: whether words of windows are inputs."""
    for name in _OF_WINDOWS:
        if name in parameters and not with_windows:
            raise ParameterError(
                f"{name} must be left out with method='dbow', where no window is used, got {parameters[name]!r}; to"
                " train words in windows too, pass train_words=True"
            )
    if parameters.get("window_mode") == "sequence":
        raise ParameterError(
            "window_mode must be 'dynamic' or 'fixed' for documents, got 'sequence': each word would be predicted from"
            " the whole document; give a window"
        )
    if parameters.get("subwords"):
        raise ParameterError(
            "subwords must be False for documents, got True: rows of tags have no n-grams; train words by firth.train"
        )


__all__ = [
    "parse_document_options",
    "read_documents",
    "run_documents",
    "train_documents",
    "validate_document_parameters",
]
