"""Room cli: ``firth info`` prints the size of a model or vector file, and the training record of a model.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from firth.cli.reading import AsJson, print_json
from firth.cli.vector_flags import VectorFile, reads_vectors

if TYPE_CHECKING:
    from firth.corpus.phrases import Phrases
    from firth.vectors.word_vectors import WordVectors

NO_ARGS_IS_HELP = True
N_SHOWN_WORDS = 8


@reads_vectors
def info(vectors: VectorFile, as_json: AsJson = False) -> None:
    """Describe a model or a vector file: number of words, dimensions, and, for a model, how it was trained.

    \b
    firth info model
    firth info model --json | jq .history.epochs
    firth info glove.6B.300d.txt
    firth info lid.176.ftz
    """
    from firth.formats.model_folder import is_model

    path = vectors.path
    whole_model = vectors == VectorFile(path) and path.is_dir() and is_model(path)
    record = _describe_model(path) if whole_model else _describe_file(vectors)
    if as_json:
        print_json(record)
        return
    for name, value in _flatten(record):
        typer.echo(f"{name:<28} {value}")


def _describe_model(folder: Path) -> dict[str, Any]:
    from firth.models.model import load

    model = load(folder)
    phrases = {} if model.phrases is None else {"phrases": _describe_phrases(model.phrases)}
    return {
        "path": str(folder),
        "format": "firth",
        **_describe_vectors(model.vectors),
        **({} if model.contexts is None else {"contexts": _describe_contexts(model.contexts)}),
        "bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        "firth_version": model.firth_version,
        "instruction_set": model.instruction_set,
        "corpus": dict(vars(model.corpus)),
        **phrases,
        **({} if model.documents is None else {"documents": _describe_documents(model.documents, model.train_words)}),
        "training": model.config.to_json(),
        "history": model.history.to_json(),
    }


def _describe_contexts(contexts: WordVectors) -> dict[str, Any]:
    described = _describe_vectors(contexts)
    return {"number": described["words"], "first": described["first_words"], "counts": described["counts"]}


def _describe_documents(documents: WordVectors, train_words: bool) -> dict[str, Any]:
    first: Any = documents.words[:N_SHOWN_WORDS]
    return {
        "tags": len(documents),
        "first_tags": first.tolist() if isinstance(first, np.ndarray) else list(first),
        "train_words": train_words,
    }


def _describe_phrases(phrases: Phrases) -> dict[str, Any]:
    return {
        "number": len(phrases),
        "passes": len(phrases.passes),
        "scoring": phrases.scoring,
        "threshold": phrases.threshold,
        "min_count": phrases.min_count,
        "delimiter": phrases.delimiter,
    }


def _describe_file(vectors: VectorFile) -> dict[str, Any]:
    from firth.classification.folder import is_classifier_folder
    from firth.formats.fasttext_model import is_classifier
    from firth.formats.format import take_sample
    from firth.formats.registry import guess_format

    path = vectors.path
    if is_classifier_folder(path) or (path.is_file() and is_classifier(take_sample(path).head)):
        return _describe_classifier(path)
    name = vectors.format or guess_format(path)
    files = [path] if path.is_file() else [entry for entry in path.iterdir() if entry.is_file()]
    return {
        "path": str(path),
        "format": name,
        **_describe_vectors(vectors.open()),
        "bytes": sum(file.stat().st_size for file in files),
    }


def _describe_classifier(path: Path) -> dict[str, Any]:
    from firth.models.loading import load

    classifier = load(path)
    stored = classifier.model
    files = [path] if path.is_file() else [entry for entry in path.iterdir() if entry.is_file()]
    return {
        "path": str(path),
        "format": "fastText classifier" if path.is_file() else "firth classifier",
        "labels": len(classifier.labels),
        "first_labels": list(classifier.labels[:N_SHOWN_WORDS]),
        "words": stored.n_words,
        "dims": classifier.dims,
        "loss": classifier.loss,
        "is_quantized": not isinstance(stored.input_matrix, np.ndarray),
        "kept_ngrams": None if stored.kept_ngrams is None else len(stored.kept_ngrams),
        "arguments": asdict(stored.arguments),
        "bytes": sum(file.stat().st_size for file in files),
    }


def _describe_vectors(vectors: WordVectors) -> dict[str, Any]:
    first: Any = vectors.words[:N_SHOWN_WORDS]
    return {
        "words": len(vectors),
        "dims": vectors.dims,
        "dtype": str(vectors.matrix.dtype),
        "first_words": first.tolist() if isinstance(first, np.ndarray) else list(first),
        "counts": None if vectors.counts is None else int(vectors.counts.sum()),
    }


def _flatten(record: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Rows (name, value) for the table. A nested object becomes rows with dotted names; each epoch becomes one row."""
    rows: list[tuple[str, str]] = []
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows.extend(_flatten(value, f"{name}."))
        elif name == "history.epochs":
            for epoch in value:
                numbers = f"loss {_number(epoch['loss_nats'])}, {_number(epoch['words_per_s'])} words/s"
                heldout = epoch["heldout_loss_nats"]
                rows.append((f"epoch {epoch['epoch']}", numbers + (f", held out {heldout:.4f}" if heldout else "")))
        elif name == "history.evaluations":
            continue  # only --json prints these
        elif isinstance(value, list):
            rows.append((name, " ".join(map(str, value)) or "-"))
        else:
            rows.append((name, _number(value)))
    return rows


def _number(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return str(value)
