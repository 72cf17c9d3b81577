"""Room formats: a fastText file of any kind, word vectors or classifier, as its dictionary and its two matrices.

`firth.formats.fasttext_model.read_classifier` and `firth.formats.fasttext_bin` read what firth itself needs of a file.
``firth.compat.fasttext`` answers questions about the rows themselves, so this module keeps all of them.

Tests: tests/compat/fasttext/test_models.py.
"""

from __future__ import annotations

from pathlib import Path

from firth.formats.fasttext_model import LOSSES, SUPERVISED, FastTextModel, FastTextReader, read_classifier
from firth.formats.source import ByteSource, mapped


def read_any_model(path: Path) -> FastTextModel:
    """Read a fastText model, ``.bin`` or ``.ftz``; in a model of word vectors the output matrix has a row for a word.

    Dense matrices of word vectors stay in the file, mapped into memory.

    Raises
    ------
    FormatError
        The file does not follow the grammar, or has fastText's layout of before July 2017, which fastText refuses too.
    StorageError
    """
    with ByteSource(path) as source, mapped(source) as data:
        reader = FastTextReader(source, data)
        arguments = reader.read_arguments()
        if arguments.model == SUPERVISED:
            return read_classifier(path)
        if reader.is_old:
            reader.fail(
                "this is fastText's layout of before July 2017, which fastText itself no longer reads;"
                " firth.read_vectors reads its word vectors"
            )
        if arguments.loss not in LOSSES:
            reader.fail(f"fastText's loss must be one of {LOSSES}, got {arguments.loss}")
        dictionary = reader.read_dictionary(arguments)
        is_quantized = reader.read_flag("input")
        kept = dictionary.kept_ngrams
        if kept is not None and not is_quantized:
            reader.fail(
                "a pruned model must have a quantized input matrix, got a dense one; fastText refuses it as well"
            )
        input_matrix = reader.read_matrix("input", arguments.dims, is_quantized)
        n_ngrams = arguments.buckets if kept is None else len(kept)
        n_rows = dictionary.n_words + n_ngrams
        reader.validate_rows("input", input_matrix, n_rows, f"{dictionary.n_words} + {n_ngrams} rows")
        output_matrix = reader.read_matrix("output", arguments.dims, reader.read_flag("output") and is_quantized)
        n_outputs = dictionary.n_words
        reader.validate_rows("output", output_matrix, n_outputs, f"{n_outputs} rows, one for each word")
        reader.validate_end()
    return FastTextModel(
        arguments,
        dictionary.entries,
        dictionary.counts,
        dictionary.n_words,
        dictionary.n_tokens,
        kept,
        input_matrix,
        output_matrix,
    )


__all__ = ["read_any_model"]
