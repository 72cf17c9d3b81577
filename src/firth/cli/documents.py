"""Room cli: ``firth documents``: train vectors of documents, infer those of new texts, find the nearest documents."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from firth.cli.interrupted import is_given, rescue
from firth.cli.reading import AsJson, Top, make_choice, neighbors_to_json, print_json, print_neighbors, read_lines
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
)
from firth.cli.train import (
    ENCODING_ERRORS,
    end_interrupted,
    make_parameter,
    plain,
    summarize,
    with_choices,
)
from firth.corpus.tables import split_text
from firth.errors import CorpusError, ParameterError, StorageError
from firth.formats.target import validate_destination, whole_file
from firth.kernels.config import PARAMETER_HELP, TrainingConfig
from firth.models.documents import EMPTY, NoKnownTextError
from firth.numerics.documents import METHODS
from firth.numerics.windows import CBOW_INPUTS
from firth.training.run.advice import name_as_flag, parameters_named
from firth.training.run.documents import EPOCHS
from firth.training.run.finishing import UnsavedModelError
from firth.training.run.options import MATRICES, ON_INTERRUPT

if TYPE_CHECKING:
    from firth.models.model import Model

app = typer.Typer(
    name="documents",
    help="Vectors of documents: train them, infer those of new texts, find the documents nearest to a text.",
    no_args_is_help=True,
)

_CORPUS, _RUN = CORPUS_PANEL, RUN_PANEL
_DECIDED = ("architecture", "cbow_input")  # by --method and --dm-input
_WITHOUT_NGRAMS = ("subwords", "min_ngram", "max_ngram", "buckets")  # which documents do not have
STANDARD_INPUT = "-"
_NAMED = 5  # texts in a message
_Empty: Any = make_choice("Empty", EMPTY)
_ERROR = _Empty("error")

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Folder that `firth documents train -o` wrote, or a Doc2Vec that gensim saved with hs=0."
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", help="Passes over each text. [default: as many as in training]")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of all random numbers.")]


def train_command(
    ctx: typer.Context,
    corpus: Annotated[
        str,
        typer.Argument(metavar="CORPUS", help="File with a document in each line, or folder of files; - is a pipe."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the model.", rich_help_panel=_RUN)
    ],
    tags: Annotated[
        Path | None,
        typer.Option(
            "--tags",
            metavar="FILE",
            help="File with the tags of each document in a line, separated by white space. [default: file names, or"
            " 0, 1, ...]",
            rich_help_panel=_CORPUS,
        ),
    ] = None,
    method: Annotated[
        enum.Enum, typer.Option("--method", help="Predict words from tags (dbow), or from tags and windows (dm).")
    ] = "dbow",  # type: ignore[assignment]
    dm_input: Annotated[enum.Enum, typer.Option("--dm-input", help="How dm joins tags and words.")] = "mean",  # type: ignore[assignment]
    train_words: Annotated[
        bool, typer.Option("--train-words", help="With dbow: train word vectors by skip-gram too.")
    ] = False,
    overwrite: Overwrite = False,
    lowercase: Lowercase = False,
    encoding_errors: TextErrors = "strict",  # type: ignore[assignment]
    as_text: AsText = False,
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help=COLUMN_HELP, rich_help_panel=_CORPUS)
    ] = None,
    tokenizer: TokenizerName = None,
    heldout: Annotated[
        str | None,
        typer.Option(
            "--heldout",
            metavar="SHARE",
            help="Share of each document's words, like 5%: its last words are not trained on; their loss is reported.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    patience: Patience = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            "--checkpoint-every",
            metavar="PERIOD",
            help="How often a checkpoint is written, like 10min; `firth train --resume DIR` starts from the last one.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    on_interrupt: OnInterrupt = "save",  # type: ignore[assignment]
    matrices: Matrices = "memory",  # type: ignore[assignment]
    quiet: RunQuiet = False,
    as_json: RunJson = False,
    **parameters: Any,
) -> None:
    """Learn a vector for each document, or for each tag. White space separates words.

    \b
    firth documents train texts.txt -o model
    firth documents train papers/ -o model --method dm --epochs 20
    firth documents train texts.txt -o model --tags authors.txt --lowercase
    firth documents train papers.parquet -o model --column abstract

    The flags under "Learning" are the parameters of firth.TrainingConfig; docs/documents.md explains the others.
    """
    from firth.training.run.documents import train_documents

    given = {name: plain(value) for name, value in parameters.items() if is_given(ctx, name)}
    if corpus == str(tags) == STANDARD_INPUT:
        raise ParameterError(
            "--tags must be a file if the corpus is standard input, which can be read only once, got -"
        )
    try:
        with parameters_named(name_as_flag):
            model = train_documents(
                corpus,
                None if tags is None else _read_tags(str(tags)),
                method=plain(method),
                dm_input=plain(dm_input),
                train_words=train_words,
                output=output,
                overwrite=overwrite,
                lowercase=lowercase,
                encoding_errors=plain(encoding_errors),
                as_text=as_text,
                column=column,
                tokenizer=tokenizer,
                heldout=heldout,
                patience=patience,
                checkpoint_every=checkpoint_every,
                on_interrupt=plain(on_interrupt),
                matrices=plain(matrices),
                progress=not quiet,
                **given,
            )
    except (KeyboardInterrupt, SystemExit) as stop:  # SystemExit: SIGTERM and SIGHUP
        raise typer.Exit(end_interrupted(stop, output, as_json, quiet)) from None
    except UnsavedModelError as error:
        raise StorageError(rescue(error, output)) from error
    assert model.documents is not None
    if as_json:
        print_json({**summarize(model, output), "tags": len(model.documents)})
    elif not quiet:
        typer.echo(
            f"{len(model.documents):,} tags x {model.documents.dims} dims from {model.corpus.n_sequences:,} documents"
            f" and {model.corpus.n_tokens_read:,} words; saved to {output}"
        )
        typer.echo(f'try: firth documents neighbors {output} "A TEXT"')


def _read_tags(path: str) -> list[list[str]]:
    tags = [split_text(line) for line in read_lines(path)]
    for number, own in enumerate(tags, start=1):
        if not own:
            raise CorpusError(f"{path}, line {number:,}: each document must have a tag, got an empty line")
        if len(set(own)) < len(own):
            twice = next(tag for tag in own if own.count(tag) > 1)
            raise CorpusError(f"{path}, line {number:,}: the tags must differ, got {twice!r} twice; give each tag once")
    return tags


@app.command()
def infer(
    model: ModelPath,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text in each line; - reads standard input.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.npy", help="NumPy file for the vectors. [default: lines on standard output]"
        ),
    ] = None,
    epochs: Epochs = None,
    seed: Seed = 1,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Number of threads. [default: the cores that may be used]")
    ] = None,
    empty: Annotated[
        _Empty, typer.Option("--empty", help="A text without a known word: an error, or a vector of zeros.")
    ] = _ERROR,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each text: its vector and its loss.")
    ] = False,
) -> None:
    """Compute the vectors of new texts. A text has the same vector whatever other texts are in the file.

    \b
    firth documents infer model new.txt > vectors.txt
    firth documents infer model new.txt -o vectors.npy --epochs 20
    """
    if output is not None:
        if as_json:
            raise ParameterError("--json must be left out with --output, got both; the file has the vectors alone")
        if output.suffix != ".npy":
            raise ParameterError(f"--output must end in .npy, got {output}")
        validate_destination(output, overwrite)
    opened, lines = _open(model), read_lines(file)
    try:
        vectors, losses = opened.infer(
            lines, epochs=epochs, seed=seed, threads=threads, empty=empty.value, return_loss=True
        )
    except NoKnownTextError as error:
        numbers = [f"line {number + 1:,}" for number in error.texts]
        advice = "delete these lines, or give --empty zero for vectors of zeros"
        raise _refuse_texts(error, f"line of {file}", numbers, advice) from None
    if output is not None:
        with whole_file(output, overwrite=overwrite, compress=False) as stream:
            np.save(stream, vectors, allow_pickle=False)
        return
    for vector, loss in zip(vectors, losses.tolist(), strict=True):
        if as_json:
            print_json({"vector": [float(str(number)) for number in vector], "loss": loss})
        else:
            typer.echo(" ".join(map(str, vector)))


@app.command()
def neighbors(
    model: ModelPath,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Each text is a query. Without texts, lines are read.")
    ] = None,
    top: Top = 10,
    epochs: Epochs = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Print the tags of the documents nearest to a text, by the cosine of their vectors.

    \b
    firth documents neighbors model "the history of whaling"
    firth documents neighbors model -n 3 --json < queries.txt
    """
    opened = _open(model)
    queries = texts or read_lines(STANDARD_INPUT)
    assert opened.documents is not None
    try:
        vectors = opened.infer(queries, epochs=epochs, seed=seed)
    except NoKnownTextError as error:
        raise _refuse_texts(
            error, "TEXT", [f"{queries[k]!r:.60}" for k in error.texts], "ask with other words"
        ) from None
    answers = opened.documents.neighbors(vectors, top=top)
    for query, answer in zip(queries, answers, strict=True):
        if as_json:
            print_json({"text": query, "neighbors": neighbors_to_json(answer)})
        else:
            print_neighbors(answer, query)


def _open(folder: Path) -> Model:
    from firth.models.loading import load
    from firth.models.model import Model

    model = load(folder)
    if not isinstance(model, Model) or model.documents is None:
        raise ParameterError(f"MODEL must be a model of documents, got {folder}; make one by `firth documents train`")
    return model


def _refuse_texts(error: NoKnownTextError, what: str, shown: list[str], advice: str) -> CorpusError:
    listed = ", ".join(shown[:_NAMED]) + (f" and {len(shown) - _NAMED:,} more" if len(shown) > _NAMED else "")
    return CorpusError(
        f"each {what} must have a word of the model's vocabulary, got none in {listed}; {advice}; the vocabulary's"
        f" first words are {error.first_words}"
    )


def _with_parameters_of_the_config() -> Any:
    hints = typing.get_type_hints(TrainingConfig)
    signature = inspect.signature(train_command, eval_str=True)
    choices = {
        "method": METHODS,
        "dm_input": CBOW_INPUTS,
        "encoding_errors": ENCODING_ERRORS,
        "on_interrupt": ON_INTERRUPT,
        "matrices": MATRICES,
    }
    fixed = [
        with_choices(parameter, choices[parameter.name]) if parameter.name in choices else parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    made = [
        make_parameter(field, hints[field.name])
        for field in dataclasses.fields(TrainingConfig)
        if field.name in PARAMETER_HELP and field.name not in _DECIDED + _WITHOUT_NGRAMS
    ]
    made = [one.replace(default=EPOCHS) if one.name == "epochs" else one for one in made]

    def train(**values: Any) -> None:
        train_command(**values)

    train.__doc__ = train_command.__doc__
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in [*fixed, *made]]
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return train


app.command("train")(_with_parameters_of_the_config())

__all__ = ["app"]
