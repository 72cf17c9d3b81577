"""Room training: tune_classifier: searches for the parameters of a classifier by Optuna, and trains the best ones.

Tests: tests/training/test_tuning.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.base.values import as_integer, as_number, validate_choice
from firth.classification.classifier import Classifier
from firth.classification.config import LOSS_NAMES, ClassifierConfig
from firth.classification.quantization import largest_cutoff, quantized_bytes
from firth.classification.scores import ScoreCounter
from firth.classification.training_texts import LABEL_PREFIX, TableOptions, TrainingTexts, read_training_texts
from firth.errors import DivergenceError, MissingExtraError, ParameterError, StorageError, TrainingError
from firth.formats.target import whole_file, write_all
from firth.training.loop.callbacks import Callback, TrainingState
from firth.training.loop.progress import ProgressDisplay, make_progress
from firth.training.run.classifier import divide_texts, train_classifier
from firth.training.run.options import parse_heldout

STORAGE_NAME, TABLE_NAME, SMALL_NAME = "trials.db", "trials.tsv", "classifier.ftz"
HELDOUT = "10%"
NGRAMS = {"none": (0, 0), "2-4": (2, 4), "3-5": (3, 5), "3-6": (3, 6)}  # of characters, by their name in a trial
LEARNING_RATES, EPOCHS, WORD_NGRAMS, DIMS = (0.02, 2.0), (2, 50), (1, 3), (16, 200)
# Trials that come first: the defaults, and what fastText's tutorial ends with.
FIRST = (
    {"learning_rate": 0.1, "epochs": 5, "word_ngrams": 1, "char_ngrams": "none", "dims": 100},
    {"learning_rate": 0.5, "epochs": 25, "word_ngrams": 2, "char_ngrams": "none", "dims": 100},
)
COLUMNS = ("trial", "state", "f1", "seconds", "bytes", *FIRST[0], "loss", "reason")


@dataclass(frozen=True)
class TunedClassifier:
    """What `tune_classifier` found.

    Attributes
    ----------
    classifier : Classifier
        Trained with the best parameters on all texts but those of ``valid``.
    path : Path
        Where the classifier is saved.
    parameters : dict
        The best parameters, as ``firth.train_classifier`` takes them.
    score : float
        F1 at 1 of the best trial on the validation texts.
    trials : list of dict
        A row for each trial: ``"trial"``, ``"state"`` (``"complete"``, or ``"pruned"`` with its ``"reason"``),
        ``"f1"``, ``"seconds"``, ``"bytes"`` (of the quantized file, with ``max_size``) and its parameters.
    """

    classifier: Classifier
    path: Path
    parameters: dict[str, Any]
    score: float
    trials: list[dict[str, Any]]


def tune_classifier(
    texts: Any,
    labels: Any = None,
    *,
    output: str | os.PathLike[str],
    valid: Any = None,
    heldout: Any = None,
    trials: int | None = None,
    budget_seconds: float | None = None,
    max_size: int | str | None = None,
    loss: str | None = None,
    threads: int | None = None,
    seed: int = 1,
    deterministic: bool = False,
    file_format: str = "auto",
    text_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    label_prefix: str = LABEL_PREFIX,
    label_separator: str | None = None,
    progress: bool | None = None,
) -> TunedClassifier:
    """Search for the parameters of a classifier within a number of trials or a time, and train the best ones.

    Each trial trains a classifier and measures F1 at 1 on texts that no trial learns from (with one label for each
    text, the accuracy). Optuna chooses the learning rate, the epochs, the n-grams of words and of characters, the dims
    and the loss. The first two trials are the defaults and a common better choice, so the result is no worse than the
    defaults on these texts. A trial that diverges, or does not fit into memory or ``max_size``, counts, and its row in
    the table says why.

    The trials are kept in ``output`` (``trials.db``, and ``trials.tsv`` to read). Called again with the same texts, the
    search continues: ``trials`` and ``budget_seconds`` count what earlier calls did.

    Parameters
    ----------
    texts, labels, file_format, text_column, label_column, delimiter, header, label_prefix, label_separator
        As for ``firth.train_classifier``.
    output : path of a folder
        Empty, or of an earlier call. The best classifier is saved there; with ``max_size`` as ``classifier.ftz``.
    valid : path, (texts, labels), or None
        Texts to measure on.
    heldout : share like ``"10%"`` or ``0.1``, or None
        The share of the texts to measure on, drawn by text, if ``valid`` is not given; None: 10%. The classifier that
        is saved is trained on all texts.
    trials : int or None
        Trials to make.
    budget_seconds : float or None
        Seconds for trials; a trial that is not finished by then is given up. The training of the best parameters at the
        end comes on top.
    max_size : int, str like ``"2M"`` or ``"500k"``, or None
        Bytes of the file. Each trial is then quantized, with as many rows as fit, before it is measured.
    loss : str or None
        None: all four losses are tried.
    threads, seed, deterministic
        As for ``firth.train_classifier``.
    progress : None, True or False
        False: no line for each trial.

    Returns
    -------
    TunedClassifier

    Raises
    ------
    MissingExtraError
        Optuna is not installed.
    ParameterError, StorageError, CorpusError
        Before any trial.
    TrainingError
        No trial was completed; the message has the reason of the last one.

    Examples
    --------
    >>> import firth, tempfile
    >>> texts = ["sweet apple pie", "apple cake", "fast red car", "a car on the road"] * 25
    >>> tuned = firth.tune_classifier(
    ...     texts, ["food", "food", "cars", "cars"] * 25, output=tempfile.mkdtemp(), trials=2, progress=False
    ... )
    >>> tuned.classifier.predict("apple pie").labels
    ['food']
    >>> len(tuned.trials), tuned.score
    (2, 1.0)
    """
    optuna = _import_optuna()
    if trials is None and budget_seconds is None:
        raise ParameterError("trials=20 or budget_seconds=600 must be given, or other numbers; got neither")
    if trials is not None:
        trials = as_integer("trials", trials, minimum=1)
    if budget_seconds is not None and as_number("budget_seconds", budget_seconds) <= 0:
        raise ParameterError(f"budget_seconds must be above 0, got {budget_seconds}")
    if loss is not None:
        validate_choice("loss", loss, LOSS_NAMES)
    max_bytes = None if max_size is None else parse_size(max_size)
    if valid is not None and heldout is not None:
        raise ParameterError(f"valid must come without heldout, got both; leave out heldout={heldout!r}")
    share = None if valid is not None else parse_heldout(HELDOUT if heldout is None else heldout)
    if share is not None and share.share is None:
        raise ParameterError(f'heldout must be a share like "10%", got {heldout!r}; give a file as valid (--valid)')
    fixed: dict[str, Any] = {"threads": threads, "seed": seed, "deterministic": deterministic}
    ClassifierConfig(**fixed)  # refuses what is wrong before any work
    display = make_progress(progress)
    folder = Path(output)
    _validate_folder(folder)
    table = TableOptions(
        file_format=file_format,
        text_column=text_column,
        label_column=label_column,
        delimiter=delimiter,
        header=header,
        label_prefix=label_prefix,
        label_separator=label_separator,
    )
    data = read_training_texts(texts, labels, table)
    if share is None:
        source, source_labels = valid if isinstance(valid, tuple) else (valid, None)
        learned, measured = data, read_training_texts(source, source_labels, table, "valid")
    else:
        assert share.share is not None
        learned, measured = divide_texts(data, share.share, seed)
    search = _Search(learned, measured, fixed, max_bytes, loss)
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet(optuna):
        study = _open_study(optuna, folder, search.identity(), seed, loss)
        _run_trials(optuna, study, search, folder, trials, budget_seconds, display)
        rows = [_describe(trial) for trial in _finished(study)]
        if not any(row["state"] == "complete" for row in rows):
            why = f"the last one: {rows[-1]['reason']}" if rows else "the time was over first; raise budget_seconds"
            raise TrainingError(f"tuning must complete a trial, got none of {len(rows)}; {why}")
        best = study.best_trial
        parameters = _parameters_of(best.params, loss)
    display.note(f"training the best parameters: {_as_text(parameters)}")
    classifier = train_classifier(data.texts, data.labels, progress=False, **parameters, **fixed)
    path = folder
    if max_bytes is not None:
        path = folder / SMALL_NAME
        classifier = _quantize(classifier, max_bytes, threads)
    classifier.save(path, overwrite=True)
    return TunedClassifier(classifier, path, parameters, float(best.value), rows)


def parse_size(value: int | str) -> int:
    """Bytes from a number, or from ``"500k"``, ``"2M"`` or ``"1.5G"`` (powers of 1,000, as in fastText).

    Raises
    ------
    ParameterError
    """
    factors = {"k": 10**3, "M": 10**6, "G": 10**9}
    number, factor = value, 1
    if isinstance(value, str) and value[-1:] in factors:
        number, factor = value[:-1], factors[value[-1]]
    try:
        size = int(float(number) * factor)
    except (TypeError, ValueError, OverflowError):
        size = 0
    if size < 1 or isinstance(value, bool):
        raise ParameterError(f'max_size must be bytes above 0, like "2M" or "500k", got {value!r}')
    return size


@dataclass(frozen=True, eq=False)
class _Search:
    """What every trial trains on and is measured on."""

    learned: TrainingTexts
    measured: TrainingTexts
    fixed: Mapping[str, Any]
    max_bytes: int | None
    loss: str | None

    def identity(self) -> str:
        """A digest of all that makes the scores of trials comparable."""
        digest = hashlib.sha256(json.dumps([self.max_bytes, self.loss]).encode())
        for data in (self.learned, self.measured):
            for text, labels in zip(data.texts, data.labels, strict=True):
                digest.update(json.dumps([len(text), labels]).encode() + text)
        return digest.hexdigest()

    def measure(self, parameters: Mapping[str, Any], deadline: float | None) -> tuple[float, int | None] | None:
        """F1 at 1 of a classifier with these parameters, and its bytes; None where time was over."""
        model = train_classifier(
            self.learned.texts,
            self.learned.labels,
            progress=False,
            on_interrupt="discard",
            callbacks=[] if deadline is None else [_Deadline(deadline)],
            **parameters,
            **self.fixed,
        )
        if model.history.stop_reason == "callback":
            return None
        n_bytes = None
        if self.max_bytes is not None:
            model = _quantize(model, self.max_bytes, self.fixed["threads"])
            n_bytes = quantized_bytes(model.model)
        counter = ScoreCounter(model.labels, 1)
        counter.add(self.measured.labels, model.predict_ids(self.measured.texts, threads=self.fixed["threads"])[0])
        return counter.scores().f1, n_bytes


class _Deadline(Callback):
    """Ends a trial when the time for trials is over."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def on_progress(self, state: TrainingState) -> bool:
        return time.monotonic() > self._deadline

    def on_epoch_end(self, state: TrainingState) -> bool:
        return state.epoch < state.epochs and time.monotonic() > self._deadline


def _run_trials(
    optuna: Any,
    study: Any,
    search: _Search,
    folder: Path,
    trials: int | None,
    budget_seconds: float | None,
    display: ProgressDisplay,
) -> None:
    states = optuna.trial.TrialState
    done = _finished(study)
    spent = sum(trial.user_attrs["seconds"] for trial in done)
    deadline = None if budget_seconds is None else time.monotonic() + budget_seconds - spent
    n_done = len(done)
    if done:
        _write_table(folder, study)  # a process that was killed may have stored a trial and not written the table
    while (trials is None or n_done < trials) and (deadline is None or time.monotonic() < deadline):
        trial = study.ask()
        started = time.monotonic()
        state, value, reason = states.PRUNED, None, ""
        try:
            found = search.measure(_suggest(trial, search.loss), deadline)
            if found is None:
                study.tell(trial, state=states.FAIL)
                break
            (value, n_bytes), state = found, states.COMPLETE
            trial.set_user_attr("bytes", n_bytes)
        except (DivergenceError, ParameterError) as error:
            reason = str(error)
        except BaseException:
            study.tell(trial, state=states.FAIL)
            raise
        trial.set_user_attr("seconds", time.monotonic() - started)
        trial.set_user_attr("reason", reason)
        study.tell(trial, value, state=state)
        n_done += 1
        _write_table(folder, study)
        row = _describe(_finished(study)[-1])
        result = reason if value is None else f"F1 {value:.4f}"
        display.note(f"trial {row['trial']}: {result} in {row['seconds']:.1f} s ({_as_text(_without_results(row))})")


def _suggest(trial: Any, loss: str | None) -> dict[str, Any]:
    trial.suggest_float("learning_rate", *LEARNING_RATES, log=True)
    trial.suggest_int("epochs", *EPOCHS, log=True)
    trial.suggest_int("word_ngrams", *WORD_NGRAMS)
    trial.suggest_categorical("char_ngrams", list(NGRAMS))
    trial.suggest_int("dims", *DIMS, log=True)
    if loss is None:
        trial.suggest_categorical("loss", list(LOSS_NAMES))
    return _parameters_of(trial.params, loss)


def _parameters_of(params: Mapping[str, Any], loss: str | None) -> dict[str, Any]:
    """What ``train_classifier`` takes."""
    rest = {name: value for name, value in params.items() if name != "char_ngrams"}
    shortest, longest = NGRAMS[params["char_ngrams"]]
    return {"loss": loss, **rest, "min_ngram": shortest, "max_ngram": longest}


def _open_study(optuna: Any, folder: Path, identity: str, seed: int, loss: str | None) -> Any:
    """The study in a folder, made if there is none. What a killed process was at is given up."""
    from sqlalchemy.engine import URL

    url = URL.create("sqlite", database=str(folder.absolute() / STORAGE_NAME)).render_as_string()
    study = optuna.create_study(
        study_name="classifier", storage=url, direction="maximize", load_if_exists=True, sampler=None
    )
    found = study.user_attrs.get("identity")
    if found is None:
        for first in FIRST:
            study.enqueue_trial({**first, **({"loss": LOSS_NAMES[0]} if loss is None else {})})
        study.set_user_attr("identity", identity)
    elif found != identity:
        raise StorageError(
            f"{folder} must hold trials of the same texts, max_size and loss, got others; choose another folder"
        )
    states = optuna.trial.TrialState
    for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))  # the same seed would repeat its draws
    return study


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in ("COMPLETE", "PRUNED")]


def _describe(trial: Any) -> dict[str, Any]:
    row = {
        "trial": trial.number + 1,
        "state": trial.state.name.lower(),
        "f1": trial.value,
        "seconds": trial.user_attrs["seconds"],
        "bytes": trial.user_attrs.get("bytes"),
        **trial.params,
        "reason": trial.user_attrs["reason"],
    }
    return {name: row[name] for name in COLUMNS if name in row}


def _without_results(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in FIRST[0] or name == "loss"}


def _as_text(parameters: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in parameters.items()
    )


def format_table(rows: list[dict[str, Any]]) -> str:
    """Rows of trials as TSV, with a header; a value that is missing is empty."""

    def cell(value: Any) -> str:
        if value is None:
            return ""
        return f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())

    lines = ["\t".join(COLUMNS), *("\t".join(cell(row.get(name)) for name in COLUMNS) for row in rows)]
    return "".join(line + "\n" for line in lines)


def _write_table(folder: Path, study: Any) -> None:
    rows = [_describe(trial) for trial in _finished(study)]
    with whole_file(folder / TABLE_NAME, overwrite=True, compress=False) as stream:
        write_all(stream, format_table(rows).encode())


def _quantize(model: Classifier, max_bytes: int, threads: int | None) -> Classifier:
    return model.quantize(cutoff=largest_cutoff(model.model, max_bytes), threads=threads)


def _validate_folder(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StorageError(f"{folder} must be a folder, got a file; choose another name")
    entries = sorted(entry.name for entry in folder.iterdir())
    if entries and STORAGE_NAME not in entries:
        raise StorageError(
            f"{folder} must be empty or hold the trials of an earlier call ({STORAGE_NAME}), got {entries[0]!r}; choose"
            " another folder"
        )


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            "tuning needs Optuna, which is not installed; `pip install 'firth[tune]'` installs it"
        ) from error
    return optuna


@contextlib.contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """A context without Optuna's own lines."""
    before: int = optuna.logging.get_verbosity()
    set_verbosity: Callable[[int], None] = optuna.logging.set_verbosity
    set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        set_verbosity(before)


__all__ = ["TunedClassifier", "format_table", "parse_size", "tune_classifier"]
