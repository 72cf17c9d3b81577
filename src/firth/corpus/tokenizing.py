"""Room corpus: texts as lines of tokens for the native counter, made by a ``BatchTokenizer``, batch by batch.

Each batch is tokenized by the thread that counts it.

Tests: tests/corpus/test_tokenizers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from firth.corpus.recognise import MARK, strip_marks
from firth.corpus.table_text import BATCH_BYTES, Batch
from firth.corpus.tokenizers import BatchTokenizer
from firth.errors import CorpusError, EncodingError


@dataclass(frozen=True)
class TokenizedTexts:
    """Texts whose tokens become lines. ``n_bytes``: of the source, or None."""

    batches: Callable[[], Iterator[Batch]]
    n_bytes: int | None = None


def tokenized_blocks(
    name: str,
    blocks: Callable[[], Iterator[bytes]],
    tokenizer: BatchTokenizer,
    encoding_errors: str,
    count_marks: Callable[[int], None],
    n_bytes: int | None = None,
) -> TokenizedTexts:
    """The lines of a text as lines of tokens. Byte-order marks at the starts of lines are removed and counted.

    Raises
    ------
    CorpusError, EncodingError
        In ``Batch.lines``: the text has a NUL byte, or bytes that are not UTF-8.
    """

    def lines(block: bytes, offset: int) -> bytes:
        return tokenizer.lines(decoded_lines(block, name, offset, encoding_errors, count_marks))

    def batches() -> Iterator[Batch]:
        offset = 0
        for block in _whole_lines(blocks()):
            # one block and one offset for each function
            yield Batch(name, len(block), lambda block=block, offset=offset: lines(block, offset))  # type: ignore[misc]
            offset += len(block)

    return TokenizedTexts(batches, n_bytes)


def tokenized_texts(name: str, texts: Iterable[str], tokenizer: BatchTokenizer) -> TokenizedTexts:
    """Texts in memory as lines of tokens: one line a text."""

    def lines(batch: list[str], first: int) -> bytes:
        try:
            "\n".join(batch).encode("utf-8")
        except UnicodeEncodeError:
            row = next(row for row, text in enumerate(batch) if any("\ud800" <= one <= "\udfff" for one in text))
            raise EncodingError(
                f"{name} must be valid Unicode, got a lone surrogate in row {first + row}; replace it"
            ) from None
        return tokenizer.lines(batch)

    def batches() -> Iterator[Batch]:
        batch: list[str] = []
        first = n_letters = 0
        for text in texts:
            batch.append(text)
            n_letters += len(text) + 1
            if n_letters >= BATCH_BYTES:
                yield Batch(name, n_letters, lambda batch=batch, first=first: lines(batch, first))  # type: ignore[misc]
                first += len(batch)
                batch, n_letters = [], 0
        if batch:
            yield Batch(name, n_letters, lambda: lines(batch, first))

    return TokenizedTexts(batches)


def decoded_lines(
    block: bytes, name: str, offset: int, encoding_errors: str, count_marks: Callable[[int], None]
) -> list[str]:
    """The lines of a block of bytes as texts, without line ends and byte-order marks.

    ``offset`` is the position of the block in the text, for messages.
    """
    if b"\0" in block:
        raise CorpusError(
            f"{name}: a NUL byte at offset {offset + block.index(0):,} of the text: this is binary data or UTF-16, not"
            " UTF-8 text"
        )
    lines = block.removesuffix(b"\n").split(b"\n")
    if MARK in block:
        plain = [strip_marks(line) for line in lines]
        count_marks(sum(len(one) < len(line) for one, line in zip(plain, lines, strict=True)))
        if encoding_errors == "strict":
            _decode(block, name, offset, encoding_errors)  # the offset of a wrong byte is that in the block
        lines = plain
    text = _decode(b"\n".join(lines), name, offset, encoding_errors)
    return [line.removesuffix("\r") for line in text.split("\n")]


def _decode(data: bytes, name: str, offset: int, encoding_errors: str) -> str:
    try:
        return data.decode("utf-8", encoding_errors)
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"{name}: byte 0x{data[error.start]:02x} at offset {offset + error.start:,} of the text is not UTF-8;"
            ' convert the text (iconv -f latin1 -t utf-8), or pass encoding_errors="replace"'
        ) from None


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks that end at line ends, the last at the end of the text."""
    rest: list[bytes] = []
    for block in blocks:
        head, found, tail = block.rpartition(b"\n")
        if found:
            yield b"".join([*rest, head, found])
            rest = []
        if tail:
            rest.append(tail)
    if rest:
        yield b"".join(rest)


__all__ = ["TokenizedTexts", "decoded_lines", "tokenized_blocks", "tokenized_texts"]
