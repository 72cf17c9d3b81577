"""Room cli: ``firth``, the group of commands: loads a command when called; turns errors into messages and statuses."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from firth._version import __version__
from firth.base.streams import QuietStream
from firth.cli.exits import EXIT_BROKEN_PIPE, EXIT_INTERRUPTED, EXIT_REFUSED
from firth.cli.flags import name_flags
from firth.cli.output import OutputError, ReaderGoneError, command_streams, discard_unwritten
from firth.errors import FirthError, FormatError


@dataclass(frozen=True)
class CommandEntry:
    """The module of a command, and its line in ``firth --help``.

    Attributes
    ----------
    module : str
        Name of a module with a function of the command's name, or with a Typer application called ``app``.
    help : str
    """

    module: str
    help: str


# A new command is one file and one line here.
COMMANDS: dict[str, CommandEntry] = {
    "train": CommandEntry("firth.cli.train", "Learn vectors from a corpus."),
    "phrases": CommandEntry("firth.cli.phrases", "Find words that belong together, and join them."),
    "walks": CommandEntry("firth.cli.walks", "Learn vectors of a graph's nodes from random walks."),
    "neighbors": CommandEntry("firth.cli.neighbors", "Print the words nearest to a word."),
    "analogy": CommandEntry("firth.cli.analogy", "A is to B as C is to what?"),
    "evaluate": CommandEntry("firth.cli.evaluate", "Score vectors by analogies and by human judgements."),
    "info": CommandEntry("firth.cli.info", "Describe a model or a vector file."),
    "convert": CommandEntry("firth.cli.convert", "Convert vectors to another program's file format."),
    "plot": CommandEntry("firth.cli.plot", "Draw words at their two principal components."),
    "classify": CommandEntry("firth.cli.classify", "Train, tune and use classifiers of texts; fastText's too."),
    "documents": CommandEntry("firth.cli.documents", "Learn and infer vectors of documents."),
    "check": CommandEntry("firth.cli.check", "Grade functions that compute losses and gradients."),
    "clean": CommandEntry("firth.cli.clean", "Delete the files that killed runs left."),
    "selfcheck": CommandEntry("firth.cli.selfcheck", "Prove the kernels on this machine, in seconds."),
}


class CommandRegistry(TyperGroup):
    """The group of all commands. Lists commands without loading them; turns exceptions into exit statuses."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else load_command(cmd_name, entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # names that click suggests in "Did you mean"
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        listing = _Listing(name=self.name, help=self.help, params=self.params, callback=self.callback)
        listing.rich_markup_mode = self.rich_markup_mode
        _hide_types_of_switches(listing)
        TyperGroup.format_help(listing, ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FirthError as error:
            typer.echo(f"Error: {describe_error(error, _flags_of(ctx))}", err=True)
            raise typer.Exit(EXIT_REFUSED) from None
        except KeyboardInterrupt:
            typer.echo("Interrupted: no half-written file was left.", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except MemoryError as error:
            typer.echo(f"Error: out of memory{f': {error}' if str(error) else ''}", err=True)
            raise typer.Exit(EXIT_REFUSED) from None


class _Listing(TyperGroup):
    """Names and help lines of the commands, used only for the help page."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].help)


def load_command(name: str, entry: CommandEntry) -> Any:
    """Import a command's module and return the command as a click command."""
    module = importlib.import_module(entry.module)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        app.command(name, no_args_is_help=getattr(module, "NO_ARGS_IS_HELP", False))(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    for inner in [command, *getattr(command, "commands", {}).values()]:
        _hide_types_of_switches(inner)
        _show_help_as_written(inner)
    return command


def _show_help_as_written(command: Any) -> None:
    """Print brackets such as ``[default: 10%]``, which Rich would read as a style, and fill paragraphs to the width."""
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _escape(parameter.help)
    if command.help:
        paragraphs = inspect.cleandoc(command.help).split("\n\n")
        command.help = "\n\n".join(
            _escape(text if text.startswith("\b") else " ".join(text.split())) for text in paragraphs
        )


def _escape(text: str) -> str:
    return re.sub(r"(?=\[[a-z#/@])", r"\\", text)


def _hide_types_of_switches(command: Any) -> None:
    """Show no ``<bool>`` beside a flag that takes no value, ``--help`` among them."""
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    make_help_option = command.get_help_option

    def get_help_option(ctx: Any) -> Any:
        option = make_help_option(ctx)
        if option is not None:
            option.metavar = ""
        return option

    command.get_help_option = get_help_option


def describe_error(error: FirthError, flags: Collection[str] = ()) -> str:
    """The error message for a terminal: without an OSError's number, and with flags in place of parameter names."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return name_flags(message, flags, reads_vectors=isinstance(error, FormatError))


def _flags_of(ctx: Any) -> set[str]:
    """The flags of the called command, for example ``--min-count``; empty if no command was found."""
    entry = COMMANDS.get(ctx.invoked_subcommand or "")
    if entry is None:
        return set()
    commands = [load_command(ctx.invoked_subcommand, entry)]
    commands += [inner for command in commands for inner in getattr(command, "commands", {}).values()]
    return {flag for command in commands for parameter in command.params for flag in parameter.opts}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"firth {__version__}")
        raise typer.Exit()


app = typer.Typer(cls=CommandRegistry, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


@app.callback()
def firth(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_print_version, is_eager=True),
) -> None:
    """Learn vectors for words, or for other items that occur in sequences, from the contexts in which they occur.

    \b
      firth train corpus.txt -o model     learns vectors from a text
      firth neighbors model whale         prints the words nearest to "whale"
      firth COMMAND --help                prints flags and examples

    Exit status: 0 success; 1 a check failed; 2 refused, with the reason on standard error; 130 interrupted.
    """
    ctx.color = True  # print words and labels as they are: otherwise typer takes "\x1b[31m" out of them in pipes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    warnings.showwarning = _show_warning
    standard_output, standard_error = sys.stdout, sys.stderr
    with command_streams():
        try:
            status = _run(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()
        except ReaderGoneError:  # the reader (for example `head`) needs no more output
            status = EXIT_BROKEN_PIPE
            discard_unwritten(standard_output)
        except OutputError as error:
            status = EXIT_REFUSED
            typer.echo(f"Error: {error}", err=True)
            discard_unwritten(standard_output)
        if isinstance(sys.stderr, QuietStream) and sys.stderr.failure is not None:
            discard_unwritten(standard_error)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        typer.main.get_command(app)(args=None if arguments is None else list(arguments), prog_name="firth")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0 if done.code is None else 1
    return 0


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"note: {message}", err=True)
