"""Room corpus: encodes a corpus of any kind on disk. Only this module reads the corpora that users pass.

There are two passes; only the first reads the text. Counting gives each distinct word an id at its first occurrence and
spools the ids of all tokens to unnamed temporary files. Then the vocabulary is chosen in Python: lower-casing,
normalizer, minimum count, order. Encoding maps the spooled ids to ids of the vocabulary and writes them. All cores
count chunks of plain files. The resulting files do not depend, to the byte, on the number of threads or the size of
chunks, because ids are ordered by count and word. The file is long because three functions have the same options.

Tests: tests/corpus/test_text.py, tests/corpus/test_tokens.py.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.storage import storage_error
from firth.base.values import as_integer, is_number, validate_choice
from firth.corpus.choosing import (
    NoKnownWordError,
    NoWordError,
    Transform,
    choose_vocabulary,
    hold_out,
    unseen_words,
)
from firth.corpus.corpus_folder import new_corpus
from firth.corpus.counting import (
    Counted,
    Progress,
    Reporter,
    Spools,
    count_ids,
    count_texts,
    count_tokens,
    count_walks,
    tokenize_lines,
)
from firth.corpus.encoded import (
    HELDOUT_IDS,
    HELDOUT_OFFSETS,
    IDS,
    OFFSETS,
    VOCABULARY,
    EncodedCorpus,
    write_manifest,
)
from firth.corpus.estimate import CorpusEstimate, estimate_source, require_space
from firth.corpus.marks import count_glued_tokens, count_marked_tokens, drop_marks
from firth.corpus.sources import IdSequences, TokenLists, classify_source, warn_of_missing
from firth.corpus.tables import split_text
from firth.corpus.text_files import TextFile
from firth.corpus.tokenizers import BatchTokenizer, TokenizerLike, TokenizerRecord, described, resolve_tokenizer
from firth.corpus.vocabulary import Vocabulary, validate_cuts
from firth.corpus.walks import Walks
from firth.errors import ParameterError
from firth.native.stopping import POLL_S, Team
from firth.native.text import TextEncoder

CHUNK_BYTES = 1 << 20  # bytes of text that a thread counts in one call: small memory, and a call's cost is negligible
ENCODING_ERRORS = ("strict", "replace", "ignore")


def encode_corpus(
    source: Any,
    *,
    folder: str | os.PathLike[str],
    min_count: int = 5,
    max_vocabulary: int | None = None,
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    vocabulary: Vocabulary | None = None,
    heldout_share: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    as_text: bool = False,
    column: str | None = None,
) -> EncodedCorpus:
    """Read a corpus once and write it as ids of a vocabulary.

    Text is UTF-8. Words are separated by ASCII white space (space, ``\\t \\n \\v \\f \\r``). A sequence ends at ``\\n``
    and at the end of a file; its length is not limited. Empty strings are dropped. A byte-order mark (U+FEFF) at the
    start of a file, a line or a word is not text and is removed; ``corpus.json`` gives the number of marks.

    Parameters
    ----------
    source : path, glob, URL (extra ``cloud``), ``"-"`` (standard input), binary file object, or a list of paths, globs
        and URLs; iterable of sequences of tokens (all strings or all integers), also one that can be read only once;
        ``(ids, offsets)`` arrays; a column of texts or of lists (pandas, Polars, Arrow), a frame with one such column,
        or a frame whose columns are all integers; ``firth.Walks``
        Files may be compressed (gzip, bzip2, xz; zstd with the extra ``zstd``); their first bytes tell. A list of
        strings is a list of paths, or of texts if ``tokenizer`` is given. In a column of strings each row is a text and
        becomes a sequence.
    folder : path of the encoded corpus
        Made if it is missing. If it has an encoded corpus, the new one replaces it when complete.
    min_count : int, at least 1
        Words with a smaller count are dropped.
    max_vocabulary : int, at least 1, or None
        Only this many words are kept, the most frequent; words with equal counts are ordered by the word.
    lowercase : bool
        Apply ``str.lower`` to every word, before the normalizer.
    tokenizer : ``"unicode"``, ``"whitespace"``, a tokenizer of Hugging Face or the path of its .json, function, or None
        With a tokenizer a list of strings is a list of texts, which ``"whitespace"`` splits like None. A function takes
        a text (a line without its line end) and returns its tokens; it runs in one thread. See docs/data.md.
    normalizer : callable from a word to a word, or None
        Called once for each distinct word, after counting; ``""`` or ``None`` drops the word.
    encoding_errors : ``"strict"``, ``"replace"`` (by U+FFFD) or ``"ignore"``
    vocabulary : Vocabulary or None
        If given, its ids and counts are used, and ``min_count`` and ``max_vocabulary`` are ignored.
    heldout_share : float in (0, 1), or None
        Share of the sequences that is held out: a sequence is held out if its Philox draw (purpose 3, position = number
        of the sequence) is below it. Held-out sequences are not counted; separate files of the encoded corpus have
        them.
    seed : int in [0, 2^64)
        Seed of the draws for ``heldout_share``.
    threads : int, at least 1, or None for the cores available
    progress : callable (stage, done, total), or None
    chunk_bytes : int, from 1 to 2^32
        Bytes of text that a thread counts at once. The result does not depend on it.
    as_text : bool
        Read files as plain text even if they look like JSON, CSV, HTML, XML or vectors. Otherwise they are refused.
    column : str or None
        The column of texts, or of lists of tokens, if the source is tables: Parquet or Arrow files (extra ``arrow``),
        JSON lines, CSV or TSV, a frame, or a data set of Hugging Face. Each row is a sequence (docs/data.md).

    Returns
    -------
    EncodedCorpus

    Raises
    ------
    CorpusTypeError, CorpusError, EncodingError
        The source is not a corpus, is empty or binary, or is not UTF-8.
    ParameterError
        A parameter is outside its range.
    StorageError
        A file cannot be read, the folder cannot be written, the disk has too little space, or the folder has files with
        a corpus's names that firth did not write. No half-written file is left, and an old corpus is not changed.
    """
    validate_cuts(min_count, max_vocabulary)
    return _encode_corpus(
        source,
        folder=folder,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        lowercase=lowercase,
        tokenizer=tokenizer,
        normalizer=normalizer,
        encoding_errors=encoding_errors,
        vocabulary=vocabulary,
        heldout_share=heldout_share,
        seed=seed,
        threads=threads,
        progress=progress,
        chunk_bytes=chunk_bytes,
        as_text=as_text,
        column=column,
    )


def encode_every_word(source: Any, *, folder: str | os.PathLike[str], **options: Any) -> EncodedCorpus:
    """Encode a corpus with every word, those of held-out sequences alone too, whose counts are 0; without checksums.

    See ``encode_corpus`` for the options, without ``min_count``, ``max_vocabulary`` and ``vocabulary``, and the errors.
    """
    return _encode_corpus(source, folder=folder, min_count=0, max_vocabulary=None, vocabulary=None, **options)


def _encode_corpus(
    source: Any,
    *,
    folder: str | os.PathLike[str],
    min_count: int,
    max_vocabulary: int | None,
    vocabulary: Vocabulary | None,
    lowercase: bool = False,
    tokenizer: TokenizerLike | None = None,
    normalizer: Callable[[str], str | None] | None = None,
    encoding_errors: str = "strict",
    heldout_share: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    as_text: bool = False,
    column: str | None = None,
) -> EncodedCorpus:
    threads = _n_threads(threads)
    threshold = _heldout_threshold(heldout_share, seed)
    validate_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    if not 1 <= chunk_bytes <= 1 << 32:  # the line ends of a chunk are numbers of tokens, as uint32
        raise ParameterError(f"chunk_bytes must be at least 1, and at most {1 << 32:,}, got {chunk_bytes:,}")
    split = resolve_tokenizer(tokenizer)
    if normalizer is not None and not callable(normalizer):
        raise ParameterError(f"normalizer must be callable or None, got {normalizer!r}")
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ParameterError(f"vocabulary must be a Vocabulary or None, got {type(vocabulary).__name__}")
    classified = classify_source(source, split, as_text=as_text, column=column)
    if split is not None and not isinstance(classified, list) and not getattr(classified, "is_tokenized", False):
        raise ParameterError("tokenizer must be None if the corpus is not text; its tokens are split already")

    n_marks = 0

    def count_marks(number: int = 1) -> None:
        nonlocal n_marks
        n_marks += number

    report = Reporter(progress)
    with new_corpus(Path(folder)) as work, contextlib.ExitStack() as stack:
        require_space(estimate_source(classified, threads, chunk_bytes, vocabulary), Path(folder))
        spools = Spools(work, stack)
        if isinstance(classified, IdSequences):
            counted = count_ids(classified, spools, report)
        elif isinstance(classified, Walks):
            counted = count_walks(classified, spools, report, threads)
        elif isinstance(classified, TokenLists):
            counted = count_tokens(classified.sequences, spools, report)
        elif not (split is None or split is split_text or (isinstance(split, BatchTokenizer) and split.is_joinable)):
            counted = count_tokens(tokenize_lines(classified, split, encoding_errors, count_marks), spools, report)
        else:
            if isinstance(split, BatchTokenizer):
                files = [text.tokenize(split, encoding_errors, count_marks) for text in classified]
            else:
                files = classified
            counted = count_texts(files, spools, report, encoding_errors == "strict", threads, chunk_bytes, stack)
        warn_of_missing(classified)
        if counted.n_tokens == 0:
            message = f"the corpus must have at least one word, got none in {_names(classified)}"
            raise NoWordError(message, counted.n_lines)
        counted, n_heldout_tokens, n_heldout_lines = hold_out(counted, threshold, seed)
        n_marked_tokens = n_mark_words = n_glued_tokens = 0
        if isinstance(classified, list) or getattr(classified, "is_tokenized", False):
            n_marked, n_mark_words = drop_marks(counted)
            n_marks += n_marked
            n_glued_tokens = count_glued_tokens(counted)
        else:  # tokens that the user passed are not changed
            n_marked_tokens = count_marked_tokens(counted)
        transform = Transform(lowercase, normalizer, encoding_errors)
        chosen, id_map, n_distinct = choose_vocabulary(counted, transform, min_count, max_vocabulary, vocabulary)
        unseen = [] if vocabulary is None else unseen_words(vocabulary, counted, id_map).tolist()
        n_tokens = _write_ids(work, counted, id_map, threshold, seed, threads, report)
        if n_tokens == 0:
            raise NoKnownWordError(
                f"the corpus must have words of the given vocabulary, got none among its {counted.n_tokens:,} tokens"
                f" (the vocabulary's first words: {', '.join(map(repr, chosen.first_words(5)))})",
                counted.n_lines,
            )
        chosen.save(work / VOCABULARY)
        stack.close()  # delete the spools before the checksums are computed
        fields = {
            "n_tokens": n_tokens,
            "n_tokens_read": counted.n_tokens - n_heldout_tokens - n_mark_words,
            "n_sequences": counted.n_lines,
            "n_distinct_words": n_distinct,
            "vocabulary_size": len(chosen),
            "n_heldout_tokens_read": n_heldout_tokens,
            "n_byte_order_marks": n_marks,
            "n_marked_tokens": n_marked_tokens,
            "n_glued_tokens": n_glued_tokens,
            "n_words_unseen": len(unseen),
            "first_unseen_ids": unseen[:5],
            "n_heldout_sequences": n_heldout_lines,
            "settings": {
                "min_count": min_count,
                "max_vocabulary": max_vocabulary,
                "lowercase": lowercase,
                **TokenizerRecord.of(split).to_settings(),
                "normalizer": None if normalizer is None else described(normalizer),
                "encoding_errors": encoding_errors,
                "given_vocabulary": vocabulary is not None,
                "heldout_share": heldout_share,
                "heldout_seed": seed if heldout_share is not None else None,
            },
        }
        try:
            write_manifest(work, fields, threads=threads, is_hashed=min_count > 0)
        except OSError as error:
            raise storage_error(error, work) from error
    return EncodedCorpus.just_written(folder, chosen)


def encode_with_vocabulary(
    source: Any, *, folder: str | os.PathLike[str], vocabulary: Vocabulary, **options: Any
) -> EncodedCorpus:
    """Encode a corpus, such as a held-out file, with the ids and counts of another corpus's vocabulary.

    See ``encode_corpus`` for the options and the errors.
    """
    return encode_corpus(source, folder=folder, vocabulary=vocabulary, **options)


def estimate_corpus(
    source: Any,
    *,
    threads: int | None = None,
    tokenizer: TokenizerLike | None = None,
    as_text: bool = False,
    column: str | None = None,
) -> CorpusEstimate:
    """Estimate the disk space and memory that encoding a corpus needs. Samples files; does not read iterables.

    Raises
    ------
    CorpusTypeError, CorpusError, StorageError
        The source cannot be read; as in ``encode_corpus``.
    """
    classified = classify_source(source, resolve_tokenizer(tokenizer), as_text=as_text, column=column)
    return estimate_source(classified, _n_threads(threads), CHUNK_BYTES, None)


def _write_ids(
    work: Path,
    counted: Counted,
    id_maps: list[NDArray[np.int32]],
    threshold: int,
    seed: int,
    threads: int,
    report: Reporter,
) -> int:
    """Write the ids and offsets of all chunks, ordered as in the source; returns the number of training tokens kept."""
    names = [IDS, OFFSETS] + ([HELDOUT_IDS, HELDOUT_OFFSETS] if threshold else [])
    team = Team()
    numbers = iter(range(len(counted.chunks)))
    lock = threading.Lock()
    turn = threading.Condition()
    bases = [0, 0, 0, 0]  # tokens, lines, held-out tokens, held-out lines before the current chunk
    next_turn = 0
    done_tokens = 0

    with contextlib.ExitStack() as opened:
        files = [-1, -1, -1, -1]
        try:
            for position, name in enumerate(names):
                file = opened.enter_context(open(work / name, "wb", buffering=0))
                if name in (OFFSETS, HELDOUT_OFFSETS):
                    file.write(bytes(8))
                files[position] = file.fileno()
        except OSError as error:
            raise storage_error(error, work) from error

        def encode() -> None:
            nonlocal next_turn, done_tokens
            with contextlib.closing(TextEncoder(heldout_threshold=threshold, seed=seed)) as encoder:
                while not team.stop.is_set():
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    chunk, first_line = counted.chunks[number], counted.first_lines[number]
                    n_kept, n_heldout, n_heldout_lines = encoder.map_chunk(
                        counted.spools[chunk.counter], chunk.spooled, first_line, id_maps[chunk.counter]
                    )
                    with turn:
                        while next_turn != number:
                            turn.wait(POLL_S)
                            if team.stop.is_set():
                                return
                        here = list(bases)
                        bases[0] += n_kept
                        bases[1] += chunk.spooled.n_lines
                        bases[2] += n_heldout
                        bases[3] += n_heldout_lines
                        next_turn += 1
                        done_tokens += chunk.spooled.n_tokens
                        turn.notify_all()
                    encoder.write_chunk(files, here)

        n_workers = max(1, min(threads, len(counted.chunks)))
        try:
            team.run([encode] * n_workers, lambda: report("encode", done_tokens, counted.n_tokens))
        except OSError as error:
            raise storage_error(error, work) from error
    report("encode", counted.n_tokens, counted.n_tokens, force=True)
    return bases[0]


def _n_threads(threads: int | None) -> int:
    return available_processors() if threads is None else as_integer("threads", threads, minimum=1)


def _heldout_threshold(share: float | None, seed: int) -> int:
    """The bound ceil(share 2^32): a sequence is held out if its 32-bit draw is below it."""
    as_integer("seed", seed, minimum=0, maximum=(1 << 64) - 1)
    if share is None:
        return 0
    if not is_number(share) or not 0 < share < 1:
        raise ParameterError(f"heldout_share must lie strictly between 0 and 1, got {share!r}")
    return -int(-float(share) * 4294967296 // 1)


def _names(classified: list[TextFile] | IdSequences | TokenLists | Walks) -> str:
    if isinstance(classified, list):
        shown = ", ".join(text.name for text in classified[:3])
        return shown + (f" and {len(classified) - 3} more files" if len(classified) > 3 else "")
    return "its sequences"


__all__ = [
    "CHUNK_BYTES",
    "ENCODING_ERRORS",
    "CorpusEstimate",
    "IdSequences",
    "encode_corpus",
    "encode_every_word",
    "encode_with_vocabulary",
    "estimate_corpus",
]
