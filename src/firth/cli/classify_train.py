"""Room cli: ``firth classify train``: a classifier that learns its own vectors, or a network on given vectors.

Tests: tests/cli/test_classify.py.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.classification.labelled_text import LabelledTexts, read_labelled_texts
from firth.cli.classify_options import (
    Delimiter,
    FileFormat,
    Header,
    LabelColumn,
    LabelPrefix,
    LabelSeparator,
    TextColumn,
    file_or_pipe,
)
from firth.cli.interrupted import exit_status, is_resumable, rescue, tell_interrupted, validate_resume_alone
from firth.errors import ParameterError, StorageError
from firth.models.run_files import is_classifier_run, resume_command
from firth.training.run.advice import name_as_flag, parameters_named
from firth.training.run.finishing import UnsavedModelError

if TYPE_CHECKING:
    from firth.classification.classifier import Classifier

_WITH_RESUME = {"resume": "--resume", "threads": "--threads", "progress": "--progress", "quiet": "--quiet"}
OWN, WITH_VECTORS = "without --vectors", "with --vectors"
_OWN_PANEL, _VECTORS_PANEL = "Without --vectors: learns vectors", "With --vectors: a network on given vectors"


def _own(flag: str, help: str) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=_OWN_PANEL)


def _on_vectors(flag: str, help: str) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=_VECTORS_PANEL)


def train(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV, or lines with __label__NAME, compressed or not; - reads standard input.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for the classifier, or, without --vectors, a .bin file in fastText's format."
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="Model folder or vector file: word vectors, which training does not change."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            help="Passes over the texts (5). With --vectors: the most passes, or iterations of L-BFGS (200).",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            help="Initial learning rate (0.1), which falls linearly. With --vectors: adam (0.001), sgd (0.1).",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", help="Number of threads (the cores that may be used); not with --vectors."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all random numbers.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing classifier.")] = False,
    file_format: FileFormat = "auto",
    delimiter: Delimiter = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    header: Header = True,
    label_prefix: LabelPrefix = "__label__",
    label_separator: LabelSeparator = None,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show a progress bar on standard error.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no summary.")] = False,
    loss: Annotated[
        str | None,
        _own(
            "--loss",
            "softmax (default), one-vs-all (if texts have several labels), hierarchical-softmax or negative-sampling.",
        ),
    ] = None,
    dims: Annotated[int | None, _own("--dims", "Numbers in a row (100).")] = None,
    word_ngrams: Annotated[int | None, _own("--word-ngrams", "Longest n-grams of words (1: no n-grams).")] = None,
    min_ngram: Annotated[int | None, _own("--min-ngram", "Shortest character n-grams of words (none).")] = None,
    max_ngram: Annotated[int | None, _own("--max-ngram", "Longest character n-grams of words (none).")] = None,
    buckets: Annotated[
        int | None, _own("--buckets", "Number of rows for n-grams, chosen by hash (fitted to the texts).")
    ] = None,
    min_count: Annotated[int | None, _own("--min-count", "Least count of a word that has a row (1).")] = None,
    negatives: Annotated[
        int | None, _own("--negatives", "Noise labels for each text, with negative sampling (5).")
    ] = None,
    initial_vectors: Annotated[
        Path | None,
        _own("--initial-vectors", "Model folder or vector file: initial rows of words. Training changes them."),
    ] = None,
    heldout: Annotated[
        str | None,
        _own("--heldout", "A share of the texts, like 5%, or a file: used only to measure a loss after each epoch."),
    ] = None,
    patience: Annotated[
        int | None,
        _own("--patience", "Stop after this number of epochs without a better held-out loss; keep the best epoch."),
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        _own("--checkpoint-every", "Interval of checkpoints, like 10min or 50Mwords; --resume starts from the last."),
    ] = None,
    resume: Annotated[
        Path | None,
        _own("--resume", "Continue the run in this folder from its last checkpoint; give no FILE."),
    ] = None,
    on_interrupt: Annotated[
        str | None,
        _own(
            "--on-interrupt",
            "At Ctrl-C in a run without checkpoints: save what was learned (the default), or discard it.",
        ),
    ] = None,
    deterministic: Annotated[
        bool, _own("--deterministic", "Train with one thread: the same bits whatever --threads is.")
    ] = False,
    hidden: Annotated[int | None, _on_vectors("--hidden", "Number of hidden units (0: softmax regression).")] = None,
    solver: Annotated[str | None, _on_vectors("--solver", "lbfgs (the default), adam or sgd.")] = None,
    l2: Annotated[float | None, _on_vectors("--l2", "Strength of the penalty on squared weights (0.001).")] = None,
    batch_size: Annotated[int | None, _on_vectors("--batch-size", "Texts in a batch (200).")] = None,
    balanced: Annotated[bool, _on_vectors("--balanced", "Give every class the same weight.")] = False,
    early_stopping: Annotated[
        bool, _on_vectors("--early-stopping", "Hold out a tenth of the texts; stop when their score stops improving.")
    ] = False,
    lowercase: Annotated[bool, _on_vectors("--lowercase", "Convert the texts to lower case.")] = False,
    several_labels: Annotated[
        str | None,
        _on_vectors(
            "--several-labels",
            "If a line has several labels: error (default), first, or each (use the text once for each label).",
        ),
    ] = None,
) -> None:
    """Train a classifier on labelled texts and save it.

    Without --vectors, training learns a row for each word, n-gram and label, as fastText does. If a text has several
    labels, one is drawn in each epoch; with --loss one-vs-all, all count. With --vectors, training fits a network to
    the mean of given word vectors.

    \b
    firth classify train cooking.train -o cooking --word-ngrams 2 --epochs 25 --learning-rate 1.0
    firth classify train reviews.csv -o reviews.bin --text-column review --label-column stars
    firth classify train reviews.csv -o reviews --vectors vectors --hidden 0
    firth classify train pages.txt -o pages --checkpoint-every 10min
    firth classify train --resume pages
    """
    if quiet:
        if progress:
            raise ParameterError("--quiet must come without --progress, got both; leave one out")
        progress = False
    if resume is not None:
        validate_resume_alone(ctx, _WITH_RESUME)
        _resume(resume, threads, progress, quiet)
        return
    file = file_or_pipe(file, "labelled texts", "; or --resume DIR")
    if output is None:
        raise ParameterError("output must be given: -o DIR, the folder for the classifier")
    table: dict[str, Any] = {
        "file_format": file_format,
        "delimiter": delimiter,
        "text_column": text_column,
        "label_column": label_column,
        "header": header,
        "label_prefix": label_prefix,
        "label_separator": label_separator,
    }
    own = {
        "loss": loss,
        "dims": dims,
        "word_ngrams": word_ngrams,
        "min_ngram": min_ngram,
        "max_ngram": max_ngram,
        "buckets": buckets,
        "min_count": min_count,
        "negatives": negatives,
        "initial_vectors": initial_vectors,
        "heldout": heldout,
        "patience": patience,
        "checkpoint_every": checkpoint_every,
        "on_interrupt": on_interrupt,
        "deterministic": deterministic or None,
    }
    on_vectors = {
        "hidden": hidden,
        "solver": solver,
        "l2": l2,
        "batch_size": batch_size,
        "balanced": balanced or None,
        "early_stopping": early_stopping or None,
        "lowercase": lowercase or None,
        "several_labels": several_labels,
    }
    shared = {"epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    if vectors is None:
        _refuse(on_vectors, WITH_VECTORS)
        options = {**own, **shared, "threads": threads}
        _train_own(file, output, options, table, overwrite, progress, quiet)
    else:
        _refuse({**own, "threads": threads}, OWN)
        _train_on_vectors(file, output, vectors, {**on_vectors, **shared}, table, overwrite, progress, quiet)


def _refuse(options: Mapping[str, Any], mode: str) -> None:
    for name, value in options.items():
        if value is not None:
            flag = name.replace("_", "-")
            raise ParameterError(f"--{flag} must be used {mode}, got {value}; leave out --{flag}")


def _train_own(
    file: Path,
    output: Path,
    given: Mapping[str, Any],
    table: Mapping[str, Any],
    overwrite: bool,
    progress: bool | None,
    quiet: bool,
) -> None:
    from firth.training.run.classifier import train_classifier

    options = {name: value for name, value in given.items() if value is not None}
    _finish(
        lambda: train_classifier(file, output=output, overwrite=overwrite, progress=progress, **table, **options),
        output,
        quiet,
    )


def _resume(folder: Path, threads: int | None, progress: bool | None, quiet: bool) -> None:
    from firth.training.run.resume import resume

    if is_resumable(folder) and not is_classifier_run(folder):
        raise ParameterError(
            f"--resume must be the folder of a classifier's run, got {folder}, which has a run of firth train;"
            f" continue it with `{resume_command(folder)}`"
        )
    _finish(lambda: resume(folder, progress=progress, threads=threads), folder, quiet)


def _finish(learn: Callable[[], Classifier], output: Path, quiet: bool) -> None:
    """Run the training, and print its summary or what its interruption left."""
    try:
        with parameters_named(name_as_flag):
            model = learn()
    except (KeyboardInterrupt, SystemExit) as stop:  # SystemExit: SIGTERM and SIGHUP
        tell_interrupted(stop, output, quiet)
        raise typer.Exit(exit_status(stop)) from None
    except UnsavedModelError as error:
        raise StorageError(rescue(error, output)) from error
    if quiet:
        return
    record = model.history.epochs[-1]
    kept = model.history.kept
    parts = [f"{record.epoch} epochs", f"loss {record.loss_nats:.4f} nats"]
    if kept is not None:
        parts.append(f"kept epoch {kept.epochs_done:g}, held-out loss {kept.heldout_loss_nats:.4f}")
    typer.echo(
        f"{len(model.labels):,} labels, {model.model.n_words:,} words; {', '.join(parts)} in"
        f" {model.history.train_seconds:.1f} s; saved to {output}"
    )


def _train_on_vectors(
    file: Path,
    output: Path,
    vectors: Path,
    given: Mapping[str, Any],
    table: Mapping[str, Any],
    overwrite: bool,
    progress: bool | None,
    quiet: bool,
) -> None:
    from firth.estimators import SigmoidNetworkClassifier, TextClassifier
    from firth.estimators.text_classifier import DEFAULT_HIDDEN, DEFAULT_L2, KIND
    from firth.formats.model_folder import validate_model_destination
    from firth.vectors.conversion import as_word_vectors

    validate_model_destination(output, overwrite, {"kind": KIND})
    word_vectors = as_word_vectors(vectors)  # before the texts: a wrong path is told at once
    data = read_labelled_texts(file, **table, several_labels=given["several_labels"] or "error")
    solver = given["solver"] or "lbfgs"
    network = SigmoidNetworkClassifier(
        DEFAULT_HIDDEN if given["hidden"] is None else given["hidden"],
        solver=solver,
        l2=DEFAULT_L2 if given["l2"] is None else given["l2"],
        max_iter=200 if given["epochs"] is None else given["epochs"],
        batch_size="auto" if given["batch_size"] is None else given["batch_size"],
        learning_rate=given["learning_rate"],
        class_weight="balanced" if given["balanced"] else None,
        early_stopping=bool(given["early_stopping"]),
        random_state=given["seed"],
        progress=sys.stderr.isatty() if progress is None else progress,
    )
    model = TextClassifier(word_vectors, network, lowercase=bool(given["lowercase"]))
    texts, labels, weights = _one_label_each(data)
    with _warnings_as_notes():
        model.fit(texts, labels, weights)
    model.save(output, overwrite=overwrite)
    n_unknown = warn_of_unknown(model, data)
    if quiet:
        return
    typer.echo(
        f"{len(data)} texts ({n_unknown} without a known word), {len(model.classes)} classes,"
        f" loss {network.loss_:.4f} nats after {network.n_iter_} {'iterations' if solver == 'lbfgs' else 'epochs'};"
        f" saved to {output}"
    )


def _one_label_each(data: LabelledTexts) -> tuple[list[str], list[str], list[float] | None]:
    """Texts, one label of each, and weights. A text with n labels is repeated n times with weight 1/n."""
    if all(len(labels) == 1 for labels in data.labels):
        return data.texts, [labels[0] for labels in data.labels], None
    pairs = [
        (text, label, 1 / len(labels)) for text, labels in zip(data.texts, data.labels, strict=True) for label in labels
    ]
    return [text for text, _, _ in pairs], [label for _, label, _ in pairs], [weight for _, _, weight in pairs]


def warn_of_unknown(model: Any, data: LabelledTexts) -> int:
    unknown = [line for line, n in zip(data.line_numbers, model.count_known(data.texts), strict=True) if n == 0]
    if unknown:
        typer.echo(
            f"note: {len(unknown)} texts have no known word and get the average training text's prediction"
            f" (line {', '.join(map(str, unknown[:5]))}{', ...' if len(unknown) > 5 else ''})",
            err=True,
        )
    return len(unknown)


@contextlib.contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print warnings, such as that L-BFGS did not converge, as lines on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        typer.echo(f"note: {warning.message}", err=True)


__all__ = ["train", "warn_of_unknown"]
