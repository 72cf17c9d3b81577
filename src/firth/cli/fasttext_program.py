"""Room cli: ``firth-fasttext``: fastText's program with its commands, flags and formats of output, on firth.

Answers go to standard output, line by line as lines come in, so that other programs can talk to it through pipes.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from firth.cli.exits import EXIT_BROKEN_PIPE, EXIT_INTERRUPTED
from firth.cli.fasttext_usage import COMMAND_USAGE, LOSS_WORDS, MODEL_WORDS, USAGE, list_flags
from firth.cli.output import discard_unwritten
from firth.compat.fasttext.arguments import args, loss_name, model_name
from firth.compat.fasttext.meter import Meter
from firth.compat.fasttext.pybind import fasttext
from firth.compat.fasttext.refused import AUTOTUNE, CannotOpenError
from firth.compat.fasttext.rows import Rows, read_lines
from firth.compat.fasttext.training import open_text, train_labels, train_words
from firth.errors import FirthError, ParameterError
from firth.formats.fasttext_model import QuantizedMatrix
from firth.formats.target import validate_destination, whole_file

EXIT_FAILED = 1  # fastText's program exits so too, or aborts
READ_BYTES = 1 << 20
_INTEGERS = (
    *("lrUpdateRate", "dim", "ws", "epoch", "minCount", "minCountLabel", "neg", "wordNgrams", "bucket", "minn", "maxn"),
    *("thread", "verbose", "seed", "cutoff", "dsub"),
)
_VALUES: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(("lr", "t"), float),
    **dict.fromkeys(("input", "output", "label", "pretrainedVectors"), str),
}
_SWITCHES = ("saveOutput", "qnorm", "qout", "retrain")
_AUTOTUNE_FLAGS = {
    "autotune-validation": "autotuneValidationFile",
    "autotune-metric": "autotuneMetric",
    "autotune-predictions": "autotunePredictions",
    "autotune-duration": "autotuneDuration",
    "autotune-modelsize": "autotuneModelSize",
}


class _UsageError(Exception):
    """The words of the command are wrong: a message, and what follows it on standard error or standard output."""

    def __init__(self, text: str, *, to_output: bool = False) -> None:
        super().__init__(text)
        self.to_output = to_output


def main(arguments: Sequence[str] | None = None) -> int:
    """Run fastText's program; returns the exit status: 0, or 1 with the reason on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words[0] not in _COMMANDS:
            raise _UsageError(USAGE)
        _COMMANDS[words[0]](words[0], words[1:])
        sys.stdout.flush()
    except _UsageError as error:
        (sys.stdout if error.to_output else sys.stderr).write(str(error))
        return EXIT_FAILED
    except FirthError as error:
        sys.stderr.write(f"{error.strerror or error}\n" if isinstance(error, OSError) else f"{error}\n")
        return EXIT_FAILED
    except BrokenPipeError:  # the reader (for example `head`) needs no more output
        discard_unwritten(sys.stdout)
        return EXIT_BROKEN_PIPE
    except OSError as error:
        sys.stderr.write(f"standard output cannot be written: {error.strerror or error}\n")
        discard_unwritten(sys.stdout)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


def _train(command: str, words: list[str]) -> None:
    given = _parse_flags(command, words)
    given.validate()
    model_path, vectors_path = Path(given.output + ".bin"), Path(given.output + ".vec")
    output_path = Path(given.output + ".output")
    for path in (model_path, vectors_path, *([output_path] if given.saveOutput else [])):
        _validate_output(path)
    model = train_labels(given) if command == "supervised" else train_words(given)
    trained, rows = fasttext(), Rows(model, given.label.encode())
    trained.setRows(rows, given)
    trained.saveModel(model_path)
    _write_vectors(vectors_path, rows.entries[: model.n_words], rows.word_vectors(), rows.dims)
    if given.saveOutput:
        names = rows.entries[model.n_words :] if command == "supervised" else rows.entries[: model.n_words]
        _write_vectors(output_path, names, [np.asarray(model.output_matrix)], rows.dims)


def _quantize(command: str, words: list[str]) -> None:
    if not words:
        raise _UsageError(COMMAND_USAGE[command] + list_flags(args()))
    given = _parse_flags(command, words)
    target = Path(given.output + ".ftz")
    _validate_output(target)
    model = _load(given.output + ".bin")
    retraining = given if given.retrain else None
    model.quantize(given.cutoff, given.dsub, given.qnorm, given.qout, given.given_threads, retraining)
    model.saveModel(target)


def _test(command: str, words: list[str]) -> None:
    if not 2 <= len(words) <= 4:
        raise _UsageError(COMMAND_USAGE[command])
    k, threshold = _parse_answers(words)
    model = _load(words[0])
    meter = Meter(model.rows, k, threshold, keeps_scores=False)
    with _open_lines(words[1]) as lines:
        meter.add_lines(read_lines(itertools.chain.from_iterable(lines)))
    is_by_label = command == "test-label"
    ratio = "%.3f" if is_by_label else "%.3g"  # fastText's stream keeps the notation of the numbers before
    if is_by_label:
        for number, label in enumerate(model.rows.entries[model.rows.model.n_words :]):
            scores = (meter.f1_score(number), meter.precision(number), meter.recall(number))
            names = ("F1-Score", "Precision", "Recall")
            shown = (
                f"{name} : {'--------' if math.isnan(score) else f'{score:.6f}'}  "
                for name, score in zip(names, scores, strict=True)
            )
            _put("".join(shown).encode() + b" " + label + b"\n")
    _put(f"N\t{meter.n_examples}\nP@{k}\t{ratio % meter.precision()}\nR@{k}\t{ratio % meter.recall()}\n".encode())


def _predict(command: str, words: list[str]) -> None:
    if not 2 <= len(words) <= 4:
        raise _UsageError(COMMAND_USAGE["predict"])
    k, threshold = _parse_answers(words)
    rows = _load(words[0]).rows
    labels = rows.entries[rows.model.n_words :]
    has_probabilities = command == "predict-prob"
    n_lines = rows.count_lines_at_once(k)
    with _open_lines(words[1]) as blocks:
        for block in blocks:
            remaining = read_lines(block)
            while lines := list(itertools.islice(remaining, n_lines)):
                ids, probabilities = rows.predict(lines, k, threshold)
                for answered, scores in zip(ids.tolist(), probabilities.tolist(), strict=True):
                    parts = [
                        labels[label] + b" %.6g" % score if has_probabilities else labels[label]
                        for label, score in zip(answered, scores, strict=True)
                        if label >= 0
                    ]
                    _put(b" ".join(parts) + b"\n")
            sys.stdout.flush()


def _print_word_vectors(command: str, words: list[str]) -> None:
    if len(words) != 1:
        raise _UsageError(COMMAND_USAGE[command])
    rows = _load(words[0]).rows
    for word in _input_words():
        _put(word + b" " + _format_vector(rows.word_vector(word)) + b"\n")
        sys.stdout.flush()


def _print_sentence_vectors(command: str, words: list[str]) -> None:
    if len(words) != 1:
        raise _UsageError(COMMAND_USAGE[command])
    rows = _load(words[0]).rows
    with _open_lines("-") as blocks:
        for block in blocks:
            for line in read_lines(block) if rows.is_supervised else block:
                _put(_format_vector(rows.sentence_vector(line)) + b"\n")
            sys.stdout.flush()


def _print_ngrams(command: str, words: list[str]) -> None:
    if len(words) != 2:
        raise _UsageError(COMMAND_USAGE[command])
    rows = _load(words[0]).rows
    for ngram, row in rows.subwords(os.fsencode(words[1])):
        if row is not None:  # pruning took the others; fastText prints their names beside other rows
            _put(ngram + b" " + _format_vector(rows.row(row)) + b"\n")


def _neighbors(command: str, words: list[str]) -> None:
    if not 1 <= len(words) <= 2:
        raise _UsageError(COMMAND_USAGE[command], to_output=True)
    k = _parse_count(words[1]) if len(words) == 2 else 10
    rows = _load(words[0]).rows
    _ask("Query word? ")
    for word in _input_words():
        _put_neighbors(rows.nearest(word, k))
        _ask("Query word? ")


def _analogies(command: str, words: list[str]) -> None:
    if not 1 <= len(words) <= 2:
        raise _UsageError(COMMAND_USAGE[command], to_output=True)
    k = _parse_count(words[1]) if len(words) == 2 else 10
    _ask(f"Loading model {words[0]}\n")
    rows = _load(words[0]).rows
    _ask("Query triplet (A - B + C)? ")
    queries = _input_words()
    for first, second, third in zip(queries, queries, queries, strict=False):
        _put_neighbors(rows.analogies((first, second, third), k))
        _ask("Query triplet (A - B + C)? ")


def _dump(command: str, words: list[str]) -> None:
    if len(words) < 2:
        raise _UsageError(COMMAND_USAGE[command], to_output=True)
    option = words[1]
    model = _load(words[0])
    if option == "args":
        _dump_arguments(model.getArgs())
    elif option == "dict":
        stored = model.rows.model
        _put(b"%d\n" % len(model.rows.entries))
        for number, (entry, count) in enumerate(zip(model.rows.entries, stored.counts.tolist(), strict=True)):
            _put(entry + b" %d %s\n" % (count, b"word" if number < stored.n_words else b"label"))
    elif option in ("input", "output"):
        matrix = model.rows.model.input_matrix if option == "input" else model.rows.model.output_matrix
        if model.isQuant() or isinstance(matrix, QuantizedMatrix):
            sys.stderr.write("Not supported for quantized models.\n")
            return
        _put(b"%d %d\n" % matrix.shape)
        for row in matrix:
            _put(b" ".join(b"%.6g" % number for number in row.tolist()) + b"\n")
    else:
        raise _UsageError(COMMAND_USAGE[command], to_output=True)


def _dump_arguments(found: args) -> None:
    values = {
        "dim": found.dim,
        "ws": found.ws,
        "epoch": found.epoch,
        "minCount": found.minCount,
        "neg": found.neg,
        "wordNgrams": found.wordNgrams,
        "loss": LOSS_WORDS[found.loss],
        "model": MODEL_WORDS[found.model],
        "bucket": found.bucket,
        "minn": found.minn,
        "maxn": found.maxn,
        "lrUpdateRate": found.lrUpdateRate,
        "t": f"{found.t:.6g}",
    }
    _put("".join(f"{name} {value}\n" for name, value in values.items()).encode())


_COMMANDS: dict[str, Callable[[str, list[str]], None]] = {
    "supervised": _train,
    "skipgram": _train,
    "cbow": _train,
    "quantize": _quantize,
    "test": _test,
    "test-label": _test,
    "predict": _predict,
    "predict-prob": _predict,
    "print-word-vectors": _print_word_vectors,
    "print-sentence-vectors": _print_sentence_vectors,
    "print-ngrams": _print_ngrams,
    "nn": _neighbors,
    "analogies": _analogies,
    "dump": _dump,
}


def _defaults(command: str) -> args:
    if command == "supervised":
        return args(model=model_name.supervised, loss=loss_name.softmax, minCount=1, minn=0, maxn=0, lr=0.1, thread=1)
    return args(model=model_name.cbow if command == "cbow" else model_name.skipgram, thread=1)


def _parse_flags(command: str, words: list[str]) -> args:
    """The arguments of a command, from words such as ``-lr 0.5``."""
    found = _defaults(command)

    def refuse(message: str) -> NoReturn:
        raise _UsageError(f"{message}\n{list_flags(_defaults(command))}")

    remaining = iter(words)
    for word in remaining:
        name = word.removeprefix("-")
        if not word.startswith("-"):
            refuse("Provided argument without a dash! Usage:")
        if name == "h":
            refuse("Here is the help! Usage:")
        if name in _AUTOTUNE_FLAGS:
            raise ParameterError(AUTOTUNE[_AUTOTUNE_FLAGS[name]].replace(_AUTOTUNE_FLAGS[name], word))
        if name in _SWITCHES:
            setattr(found, name, True)
            continue
        if name != "loss" and name not in _VALUES:
            refuse(f"Unknown argument: {word}")
        value = next(remaining, None)
        if value is None:
            refuse(f"{word} is missing an argument")
        if name == "loss":
            losses = {**loss_name.__members__, "one-vs-all": loss_name.ova}
            if value not in losses:
                refuse(f"Unknown loss: {value}")
            found.loss = losses[value]
        else:
            setattr(found, name, _parse_value(word, value, _VALUES[name]))
        found.given.add(name)
    if not found.output or not (found.input or (command == "quantize" and not found.retrain)):
        refuse("Empty input or output path.")
    return found


def _parse_value(flag: str, text: str, kind: Callable[[str], object]) -> object:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise ParameterError(f"{flag} must be {what}, got {text!r}") from None


def _parse_answers(words: list[str]) -> tuple[int, float]:
    """k and the threshold behind the model and the file."""
    k = _parse_value("<k>", words[2], int) if len(words) > 2 else 1
    threshold = _parse_value("<th>", words[3], float) if len(words) > 3 else 0.0
    assert isinstance(k, int)
    assert isinstance(threshold, float)
    return k, float(np.float32(threshold))


def _parse_count(text: str) -> int:
    k = _parse_value("<k>", text, int)
    assert isinstance(k, int)
    if k < 1:
        raise ParameterError(f"<k> must be at least 1, got {k}")
    return k


def _validate_output(path: Path) -> None:
    """Refuse a path that cannot be written, before any work."""
    if not os.access(path.parent, os.W_OK):
        raise CannotOpenError(f"{path} cannot be opened for saving: {path.parent} must be a folder that can be written")
    validate_destination(path, overwrite=True)


def _load(path: str) -> fasttext:
    model = fasttext()
    model.loadModel(path)
    return model


class _open_lines:  # used as a function
    """The lines of a file or of standard input (``-``), in blocks: the lines that have arrived so far."""

    def __init__(self, path: str) -> None:
        if path == "-":
            if sys.stdin is None:  # Python sets None if the caller closed the descriptor
                raise CannotOpenError("standard input cannot be read: it is closed; give a file")
            self._file = cast(io.BufferedReader, sys.stdin.buffer)
        else:
            self._file = open_text(path)
        self._is_own = path != "-"

    def __enter__(self) -> Iterator[list[bytes]]:
        return self._blocks()

    def __exit__(self, *_: object) -> None:
        if self._is_own:
            self._file.close()

    def _blocks(self) -> Iterator[list[bytes]]:
        rest: list[bytes] = []  # of a line whose end is not read yet
        while data := self._file.read1(READ_BYTES):
            if b"\n" not in data:
                rest.append(data)
                continue
            *lines, last = b"".join([*rest, data]).split(b"\n")
            rest = [last] if last else []
            yield [line + b"\n" for line in lines]
        if rest:
            yield [b"".join(rest)]


def _input_words() -> Iterator[bytes]:
    """The words of standard input, each as soon as white space ends it."""
    with _open_lines("-") as blocks:
        for block in blocks:
            for line in block:
                yield from line.split()


def _ask(prompt: str) -> None:
    _put(prompt.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def _put(data: bytes) -> None:
    sys.stdout.buffer.write(data)


def _put_neighbors(found: Iterable[tuple[float, bytes]]) -> None:
    for cosine, word in found:
        _put(word + b" %.6g\n" % cosine)


def _format_vector(vector: NDArray[np.float32]) -> bytes:
    return b"".join(b"%.5g " % number for number in vector.tolist())


def _write_vectors(path: Path, names: Sequence[bytes], blocks: Iterable[NDArray[np.float32]], n_dims: int) -> None:
    """A file of vectors as fastText prints them: numbers of five digits, a space behind each."""
    layout = b"%s " + b"%.5g " * n_dims + b"\n"
    remaining = iter(names)
    with whole_file(path, overwrite=True, compress=False) as stream:
        stream.write(b"%d %d\n" % (len(names), n_dims))
        for block in blocks:
            for row in block.tolist():
                stream.write(layout % (next(remaining), *row))


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
