"""Room corpus: a text that is read from its start to its end: a file, a stream, a column of a table, a place.

Tests: tests/corpus/test_sources.py.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from firth.corpus.blocks import decompress, read_blocks
from firth.corpus.places import Place
from firth.corpus.recognise import HEAD_BYTES, MARK, refuse_other_formats
from firth.corpus.table_text import Column
from firth.corpus.tokenizers import BatchTokenizer
from firth.corpus.tokenizing import TokenizedTexts, tokenized_blocks
from firth.errors import FirthError, StorageError


@dataclass(frozen=True)
class TextFile:
    """One text, read from its start to its end.

    ``n_bytes`` is the size on disk in bytes, or None if it is unknown. A plain file has ``path`` and ``n_bytes``, and
    its chunks can be read in any order; a stream can only be read in order. If ``may_block``, the stream is read in the
    main thread, so that Ctrl-C ends a wait. ``as_text``: see ``recognise.refuse_other_formats``. The rows of the
    column ``table`` are the lines of the text if ``kind`` is "table". A file at a URL has ``place``, and is read
    in order. The lines of ``tokenized`` are in place of those of the text, also with the kind "table".
    """

    name: str
    kind: str  # "plain", "stream", "table", or a compression: "gzip", "bzip2", "xz", "zstd"
    path: Path | None = None
    n_bytes: int | None = None
    handle: BinaryIO | None = None
    may_block: bool = False
    as_text: bool = False
    table: Column | None = None
    place: Place | None = None
    tokenized: TokenizedTexts | None = None

    @property
    def batched(self) -> Column | TokenizedTexts | None:
        """What makes the lines of the text batch by batch, in any thread; None for bytes."""
        return self.table if self.tokenized is None else self.tokenized

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the text in blocks, without a UTF-8 byte-order mark at the start.

        Raises
        ------
        CorpusError, EncodingError
            Before the first block: the text has another format or encoding.
        """
        if self.batched is not None:
            yield from (bytes(batch.lines()) for batch in self.batched.batches())
            return
        blocks = self.raw_blocks()
        first: list[bytes] = []  # enough bytes to recognise the format
        for block in blocks:
            first.append(block)
            if sum(map(len, first)) >= HEAD_BYTES:
                break
        head = b"".join(first)
        is_whole = len(head) < HEAD_BYTES
        refuse_other_formats(head[:HEAD_BYTES], self.name, is_whole=is_whole, as_text=self.as_text)
        n_skipped = len(MARK) if head.startswith(MARK) else 0
        for block in itertools.chain(first, blocks):
            kept = block[n_skipped:]
            n_skipped -= len(block) - len(kept)
            if kept:
                yield kept

    def raw_blocks(self) -> Iterator[bytes]:
        """Yield the decompressed bytes of the file, of whatever format."""
        if self.handle is not None:
            yield from read_blocks(self.handle, self.name)
            return
        if self.place is not None:
            yield from self.place.blocks()
            return
        assert self.path is not None
        try:
            with open(self.path, "rb") as file:
                if self.kind in ("plain", "stream"):
                    yield from read_blocks(file, self.name)
                else:
                    yield from decompress(file, self.kind, self.name)
        except OSError as error:
            if isinstance(error, FirthError):
                raise
            raise StorageError(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def tokenize(self, tokenizer: BatchTokenizer, encoding_errors: str, count_marks: Callable[[int], None]) -> TextFile:
        """The text whose lines are the tokens of the lines, joined by spaces."""
        if self.tokenized is not None:
            return self
        lines = tokenized_blocks(self.name, self.blocks, tokenizer, encoding_errors, count_marks, self.n_bytes)
        return dataclasses.replace(self, kind="table", tokenized=lines)


__all__ = ["TextFile"]
