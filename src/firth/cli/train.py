"""Room cli: ``firth train``. Its flags are made from the fields of TrainingConfig, and a few more for the run.

Tests: tests/cli/test_main.py, tests/cli/test_interrupt.py.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import math
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.interrupted import (
    exit_status,
    is_given,
    is_resumable,
    rescue,
    tell_interrupted,
    validate_resume_alone,
)
from firth.cli.output import OutputError
from firth.cli.pairs import OF_TEXT, AsPairs, Columns, OneVocabulary, open_pairs, refuse_without_pairs
from firth.cli.reading import choice_metavar, make_choice, print_json
from firth.cli.run_flags import (
    COLUMN_HELP,
    CORPUS_PANEL,
    RUN_PANEL,
    AsText,
    Lowercase,
    Matrices,
    OnInterrupt,
    Overwrite,
    Patience,
    RunJson,
    RunQuiet,
    TextErrors,
    TokenizerName,
    paths_of,
)
from firth.errors import CorpusError, ParameterError, StorageError
from firth.kernels.config import CHOICE_NAMES, PARAMETER_HELP, TrainingConfig, choices_of
from firth.models.run_files import is_classifier_run, resume_command
from firth.training.run.advice import name_as_flag, parameters_named
from firth.training.run.finishing import UnsavedModelError
from firth.training.run.options import MATRICES, ON_INTERRUPT

if TYPE_CHECKING:
    from firth.models.model import Model

NO_ARGS_IS_HELP = True
ENCODING_ERRORS = ("strict", "replace", "ignore")

_LEARNING, _CORPUS, _RUN = "Learning", CORPUS_PANEL, RUN_PANEL
# The panel of the help page in which a flag of TrainingConfig is shown; the default is _LEARNING.
_PANELS = {
    "min_count": _CORPUS,
    "max_vocabulary": _CORPUS,
    "epochs": _RUN,
    "threads": _RUN,
    "seed": _RUN,
    "deterministic": _RUN,
}
_WITH_RESUME = {"resume": "--resume", "threads": "--threads", "quiet": "--quiet", "as_json": "--json"}


def train_command(
    ctx: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(metavar="CORPUS", help="Text files, globs or URLs, also .gz, .bz2, .xz, .zst; - is a pipe."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the model.", rich_help_panel=_RUN),
    ] = None,
    overwrite: Overwrite = False,
    lowercase: Lowercase = False,
    encoding_errors: TextErrors = "strict",  # type: ignore[assignment]
    as_text: AsText = False,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="NAME", help=COLUMN_HELP, rich_help_panel=_CORPUS),
    ] = None,
    tokenizer: TokenizerName = None,
    pairs: AsPairs = False,
    columns: Columns = None,
    one_vocabulary: OneVocabulary = False,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            "--vocabulary",
            metavar="FILE",
            help="Use the words of this file; a line: word, count, as word2vec's -save-vocab writes.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    phrases: Annotated[
        str | None,
        typer.Option(
            "--phrases",
            metavar="FILE|PASSES",
            help="Join words that belong together: a table of `firth phrases`, or so many passes over CORPUS.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    sequence_weights: Annotated[
        Path | None,
        typer.Option(
            "--sequence-weights",
            metavar="FILE",
            help="File with one number a line: a factor for the learning rate and loss of each corpus line.",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    initial_vectors: Annotated[
        Path | None,
        typer.Option(
            "--initial-vectors",
            metavar="PATH",
            help="Start from the vectors of this model or vector file.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    freeze: Annotated[
        bool,
        typer.Option("--freeze", help="Do not change the --initial-vectors.", rich_help_panel=_LEARNING),
    ] = False,
    heldout: Annotated[
        str | None,
        typer.Option(
            "--heldout",
            metavar="SHARE|FILE",
            help="Share of the lines, like 1%, or a file, that is never trained on; its loss is reported.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    heldout_every: Annotated[
        str | None,
        typer.Option(
            "--heldout-every",
            metavar="WORDS",
            help="How often the held-out loss is measured, like 10Mwords. [default: each epoch]",
            rich_help_panel=_RUN,
        ),
    ] = None,
    patience: Patience = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            "--checkpoint-every",
            metavar="PERIOD",
            help="How often a checkpoint is written, like 10min, 90s or 50Mwords; --resume starts from the last one.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="DIR",
            help="Continue the run in DIR from its last checkpoint. Give no corpus and no other parameter.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    on_interrupt: OnInterrupt = "save",  # type: ignore[assignment]
    matrices: Matrices = "memory",  # type: ignore[assignment]
    quiet: RunQuiet = False,
    as_json: RunJson = False,
    **parameters: Any,
) -> None:
    """Learn vectors from a corpus. Each line is a sequence; white space separates words.

    \b
    firth train corpus.txt -o model
    firth train 'texts/*.txt.gz' -o model --lowercase --dims 300 --epochs 10
    firth train corpus.txt -o model --heldout 1% --patience 2
    firth train corpus.txt -o model --checkpoint-every 10min
    firth train 'data/*.parquet' --column text -o model
    firth train https://example.org/corpus.txt.gz -o model --tokenizer unicode
    firth train ratings.parquet --pairs --columns user,item,stars -o model
    firth train --resume model
    zcat dump.gz | firth train - -o model --architecture cbow --json

    The flags under "Learning" are the parameters of firth.TrainingConfig, with - in place of _. docs/training.md
    explains each of them.
    """
    folder = _folder_of(ctx, corpus, output, resume)
    try:
        with parameters_named(name_as_flag):
            if resume is not None:
                from firth.training.run.resume import resume as go_on

                model = go_on(resume, progress=not quiet, threads=parameters["threads"])
            else:
                from firth.corpus.vocabulary import Vocabulary
                from firth.training.run.train import train as learn

                sources = corpus or []
                source: Any = paths_of(sources, tokenizer)
                held_out: Any = heldout
                given = {name: plain(value) for name, value in parameters.items()}
                if pairs:
                    given = {name: value for name, value in given.items() if is_given(ctx, name)}
                    names = (*given, *(name for name in OF_TEXT if is_given(ctx, name)))
                    source, held_out = open_pairs(sources, columns, one_vocabulary, heldout, given, names)
                else:
                    refuse_without_pairs(columns, one_vocabulary)
                model = learn(
                    source,
                    output=output,
                    overwrite=overwrite,
                    lowercase=lowercase,
                    encoding_errors=plain(encoding_errors),
                    as_text=as_text,
                    column=column,
                    tokenizer=tokenizer,
                    vocabulary=None if vocabulary is None else Vocabulary.load(vocabulary),
                    phrases=int(phrases) if phrases is not None and phrases.isdecimal() else phrases,
                    sequence_weights=None if sequence_weights is None else _read_numbers(sequence_weights),
                    initial_vectors=initial_vectors,
                    freeze=True if freeze else None,
                    heldout=held_out,
                    heldout_every=heldout_every,
                    patience=patience,
                    checkpoint_every=checkpoint_every,
                    on_interrupt=plain(on_interrupt),
                    matrices=plain(matrices),
                    progress=not quiet,
                    **given,
                )
    except (KeyboardInterrupt, SystemExit) as stop:  # SystemExit: SIGTERM and SIGHUP
        raise typer.Exit(end_interrupted(stop, folder, as_json, quiet)) from None
    except UnsavedModelError as error:
        raise StorageError(rescue(error, folder)) from error
    try:
        if as_json:
            print_json(summarize(model, folder))
        elif not quiet:
            typer.echo(_describe(model, folder))
    except OutputError as error:
        raise OutputError(f"{error}; the model is saved to {folder}") from None


def end_interrupted(stop: KeyboardInterrupt | SystemExit, folder: Path, as_json: bool, quiet: bool) -> int:
    """Print where an interrupted run left its work; returns the exit status."""
    from firth.models.model import Model

    model, place = tell_interrupted(stop, folder, quiet)
    if as_json:
        if isinstance(model, Model) and place is not None:
            print_json(summarize(model, place))
        else:
            print_json({"output": str(folder) if is_resumable(folder) else None, "stop_reason": "interrupted"})
    return exit_status(stop)


def summarize(model: Model, folder: Path) -> dict[str, Any]:
    """The numbers of a run, as ``firth train --json`` prints them; docs/training.md gives the units."""
    history = model.history
    n_words, n_dims = model.vectors.matrix.shape
    return {
        "output": str(folder),
        "tokens": model.corpus.n_tokens_read,
        "tokens_trained": model.corpus.n_tokens,
        "sequences": model.corpus.n_sequences,
        "vocabulary_size": n_words,
        "phrases": 0 if model.phrases is None else len(model.phrases),
        **({} if model.contexts is None else {"contexts": len(model.contexts)}),
        "dims": n_dims,
        "epochs": len(history.epochs),
        "encode_seconds": history.encode_seconds,
        "train_seconds": history.train_seconds,
        "words_per_s": history.words_per_s,
        "loss_nats": history.loss_nats[-1] if history.epochs else math.nan,
        "guessing_loss_nats": history.guessing_loss_nats,
        "heldout_loss_nats": history.heldout_loss_nats[-1] if history.heldout_loss_nats else None,
        "stop_reason": history.stop_reason,
        "notes": list(history.notes),
        "threads": model.config.threads,
        "seed": model.config.seed,
        "deterministic": model.config.deterministic,
        "instruction_set": model.instruction_set,
    }


def _describe(model: Model, folder: Path) -> str:
    from firth.training.loop.progress import format_count, format_duration

    history, n_words = model.history, len(model.vectors)
    contexts, of = "", "tokens"
    if model.contexts is not None:
        contexts, of = f" and {len(model.contexts):,} contexts", "pairs"
    lines = [
        f"{n_words:,} words{contexts} x {model.vectors.dims} dims from {model.corpus.n_tokens_read:,} {of}"
        f" in {format_duration(history.encode_seconds + history.train_seconds)}"
        f" ({format_count(history.words_per_s)} words/s while training); saved to {folder}"
    ]
    if history.stop_reason == "patience" and history.kept is not None:
        lines.append(f"stopped by patience; the vectors after {history.kept.epochs_done:g} epochs were kept")
    lines += [f"note: {note}" for note in history.notes]
    words = model.vectors.words
    lines.append(f"try: firth neighbors {folder} {words[min(n_words // 20, n_words - 1)]}")
    return "\n".join(lines)


def _folder_of(ctx: typer.Context, corpus: list[str] | None, output: Path | None, resume: Path | None) -> Path:
    """The folder of the run. Validates that a corpus and a folder, or a run to resume, are given."""
    if resume is not None:
        validate_resume_alone(ctx, _WITH_RESUME)
        if is_classifier_run(resume):
            raise ParameterError(
                f"--resume must be the folder of a run of firth train, got {resume}, which has a classifier's run;"
                f" continue it with `{resume_command(resume)}`"
            )
        return resume
    if not corpus:
        raise ParameterError("CORPUS must be given: text files, globs, URLs, or - for standard input; or --resume DIR")
    if output is None:
        raise ParameterError("output must be given: -o DIR, the folder for the model")
    return output


def _read_numbers(path: Path) -> list[float]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    from firth.corpus.recognise import decode_text

    try:
        lines = decode_text(data, str(path)).split("\n")
    except CorpusError as error:
        raise ParameterError(f"sequence_weights must be a text file with one number a line; {error}") from None
    if lines and not lines[-1]:
        lines.pop()
    numbers: list[float] = []
    for line_number, line in enumerate(lines, start=1):
        try:
            numbers.append(float(line))
        except ValueError:
            raise ParameterError(
                f"sequence_weights must have one number a line, got {line[:40]!r} in {path}, line {line_number}"
            ) from None
    return numbers


def plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def make_parameter(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    """Make a typer parameter from a field of TrainingConfig."""
    default = field.default
    if field.name in CHOICE_NAMES:
        kind = make_choice(field.name, choices_of(field.name))
        default = kind(default)
    option = typer.Option(
        f"--{field.name.replace('_', '-')}",
        help=_sentence(PARAMETER_HELP[field.name]),
        rich_help_panel=_PANELS.get(field.name, _LEARNING),
        metavar=choice_metavar(choices_of(field.name)) if field.name in CHOICE_NAMES else None,
        show_default=default is not None,
    )
    if isinstance(kind, types.UnionType) and type(None) in typing.get_args(kind):
        kind = typing.Optional[next(item for item in typing.get_args(kind) if item is not type(None))]  # noqa: UP045
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def with_choices(parameter: inspect.Parameter, words: tuple[str, ...]) -> inspect.Parameter:
    """The parameter with a type whose values are these words, and its default converted to that type."""
    kind = make_choice(parameter.name, words)
    option = parameter.annotation.__metadata__[0]
    return parameter.replace(annotation=Annotated[kind, option], default=kind(parameter.default))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _with_parameters_of_the_config() -> Any:
    hints = typing.get_type_hints(TrainingConfig)
    signature = inspect.signature(train_command, eval_str=True)
    choices = {"encoding_errors": ENCODING_ERRORS, "on_interrupt": ON_INTERRUPT, "matrices": MATRICES}
    fixed = [
        with_choices(parameter, choices[parameter.name]) if parameter.name in choices else parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    made = [make_parameter(field, hints[field.name]) for field in dataclasses.fields(TrainingConfig)]

    def train(**values: Any) -> None:
        train_command(**values)

    train.__doc__ = train_command.__doc__
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in [*fixed, *made]]
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return train


train = _with_parameters_of_the_config()

__all__ = ["end_interrupted", "make_parameter", "plain", "summarize", "train", "with_choices"]
