"""Room cli: ``firth walks``: learns vectors of a graph's nodes from random walks (node2vec), or writes the walks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.base.replace import replaced_file, validate_destination, write_all
from firth.cli.interrupted import exit_status, rescue, tell_interrupted
from firth.cli.output import OutputError
from firth.cli.pairs import split_columns
from firth.cli.reading import AsJson, print_json
from firth.corpus.tables import split_text
from firth.errors import ParameterError, StorageError
from firth.training.run.finishing import UnsavedModelError

if TYPE_CHECKING:
    from firth.corpus.walks import Walks
    from firth.models.model import Model

NO_ARGS_IS_HELP = True


def walks(
    graph: Annotated[
        Path, typer.Argument(metavar="GRAPH", help="File of edges: .edgelist, .txt, .csv, .adjlist, or a table.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the model of the nodes' vectors.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option("--text", metavar="FILE", help="Write the walks to this file, one a line.")
    ] = None,
    p: Annotated[float, typer.Option("-p", help="Return parameter: a small p goes back often.")] = 1.0,
    q: Annotated[float, typer.Option("-q", help="In-out parameter: a small q goes away from the last node.")] = 1.0,
    walks_per_node: Annotated[int, typer.Option("--walks-per-node", help="Walks that begin at each node.")] = 10,
    walk_length: Annotated[int, typer.Option("--walk-length", help="Largest number of nodes of a walk.")] = 80,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="A,B[,C]", help="Columns of the two nodes and the weight, if GRAPH is a table."
        ),
    ] = None,
    directed: Annotated[bool, typer.Option("--directed", help="Edges go from the first node to the second.")] = False,
    unweighted: Annotated[bool, typer.Option("--unweighted", help="Ignore the weights of the edges.")] = False,
    dims: Annotated[int, typer.Option("--dims", help="Number of dimensions of the vectors.")] = 128,
    window: Annotated[int, typer.Option("--window", help="Largest distance of two nodes in a walk.")] = 10,
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the walks.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the walks and of training.")] = 1,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Number of threads. [default: all processors]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in DIR, or FILE.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing; -q is the in-out parameter.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn a vector for each node of a graph from random walks (node2vec; DeepWalk if p and q are 1).

    \b
    firth walks friends.edgelist -o model -p 0.5 -q 2
    firth walks friends.edgelist --text walks.txt
    firth walks edges.parquet --columns source,target -o model
    firth neighbors model 17

    Walks are sentences and nodes are words. Training has node2vec's usual settings: min_count=1, subsample=0, and the
    defaults of the flags. For other settings write the walks with --text, and call firth train. docs/graphs.md says
    more.
    """
    from firth.corpus.walks import Walks

    if (output is None) == (text is None):
        raise ParameterError(
            "output must be given, or --text, and not both: -o DIR is the folder of the model, --text FILE a"
            " file of the walks"
        )
    if text is not None:
        validate_destination(text, overwrite)
    made = Walks(
        graph,
        p=p,
        q=q,
        walks_per_node=walks_per_node,
        walk_length=walk_length,
        seed=seed,
        directed=directed,
        weighted=False if unweighted else None,
        columns=split_columns(columns),
    )
    if text is not None:
        n_walks = _write(made, text)
        if as_json:
            print_json({"walks": n_walks, "nodes": len(made.nodes), "text": str(text)})
        elif not quiet:
            typer.echo(f"{n_walks:,} walks on {len(made.nodes):,} nodes written to {text}")
        return
    assert output is not None
    settings = {"dims": dims, "window": window, "epochs": epochs, "seed": seed, "threads": threads}
    model = _train(made, output, overwrite, quiet, settings)
    n_nodes, n_dims = model.vectors.matrix.shape
    try:
        if as_json:
            print_json({"walks": len(made), "nodes": n_nodes, "dims": n_dims, "output": str(output)})
        elif not quiet:
            typer.echo(
                f"{n_nodes:,} nodes x {n_dims} dims from {len(made):,} walks of {walk_length} nodes"
                f" (p={p:g}, q={q:g}; window={window}, epochs={epochs}, min_count=1, subsample=0); saved to {output}\n"
                f"try: firth neighbors {output} {model.vectors.words[0]}"
            )
    except OutputError as error:
        raise OutputError(f"{error}; the model is saved to {output}") from None


def _write(made: Walks, path: Path) -> int:
    spaced = next((node for node in made.nodes if isinstance(node, str) and split_text(node) != [node]), None)
    if spaced is not None:
        raise ParameterError(
            f"text must be left out if the name of a node has white space, which separates nodes there, got {spaced!r};"
            " learn vectors by -o, or rename the node"
        )
    with replaced_file(path) as file:
        for walk in made:
            write_all(file, (" ".join(map(str, walk)) + "\n").encode())
    return len(made)


def _train(made: Walks, output: Path, overwrite: bool, quiet: bool, settings: dict[str, Any]) -> Model:
    from firth.training.run.train import train

    try:
        return train(made, output=output, overwrite=overwrite, progress=not quiet, min_count=1, subsample=0, **settings)
    except (KeyboardInterrupt, SystemExit) as stop:  # SystemExit: SIGTERM and SIGHUP
        tell_interrupted(stop, output, quiet)
        raise typer.Exit(exit_status(stop)) from None
    except UnsavedModelError as error:
        raise StorageError(rescue(error, output)) from error
