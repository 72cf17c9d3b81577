"""Room corpus: estimates the memory and disk that encoding a corpus needs, from samples of its files.

Tests: tests/corpus/test_text.py.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from firth.corpus.corpus_folder import old_corpus_bytes
from firth.corpus.counting import BYTES_PER_COMPRESSED, SPOOL_TOKENS, open_text
from firth.corpus.sources import IdSequences, TokenLists
from firth.corpus.text_files import TextFile
from firth.corpus.vocabulary import Vocabulary
from firth.corpus.walks import Walks
from firth.errors import StorageError

_SAMPLE_BYTES = 1 << 16
_BYTES_PER_TOKEN = 5.0  # used if it cannot be measured; English has 5.8


@dataclass(frozen=True)
class CorpusEstimate:
    """Estimated need of memory and disk for encoding, from samples of the text.

    Attributes
    ----------
    n_tokens : tokens that will be read, or None for streams and one-shot iterables
    disk_bytes : free space that the folder needs while encoding, or None
    kept_bytes : size of the encoded corpus, an upper bound, or None
    memory_bytes : memory, without the memory for the vocabulary and the distinct words
    """

    n_tokens: int | None
    disk_bytes: int | None
    kept_bytes: int | None
    memory_bytes: int


def require_space(estimate: CorpusEstimate, folder: Path) -> None:
    if estimate.disk_bytes is None:
        return
    free = shutil.disk_usage(folder).free
    if free < estimate.disk_bytes:
        advice = "choose a folder on a larger disk"
        old = old_corpus_bytes(folder)
        if old:
            advice += f", or delete the corpus in this folder, which has {old:,} bytes"
        raise StorageError(
            f"{folder}: encoding needs about {estimate.disk_bytes:,} bytes of disk, of which about"
            f" {estimate.kept_bytes:,} are kept, but only {free:,} are free; {advice}"
        )


def estimate_source(
    classified: list[TextFile] | IdSequences | TokenLists | Walks,
    threads: int,
    chunk_bytes: int,
    vocabulary: Vocabulary | None,
) -> CorpusEstimate:
    memory = 4 * chunk_bytes * threads + (8 << 20)  # buffers of each thread, and a fixed part for the numbers of chunks
    if isinstance(classified, TokenLists):
        return CorpusEstimate(None, None, None, memory + 16 * SPOOL_TOKENS)
    if isinstance(classified, IdSequences):
        n_tokens, n_lines = len(classified.ids), len(classified.offsets)
        memory += 40 * SPOOL_TOKENS
    elif isinstance(classified, Walks):
        n_lines, longest = classified.shape
        n_tokens = n_lines * longest
        memory += 24 * max(SPOOL_TOKENS, longest)
    else:
        if any(text.n_bytes is None for text in classified):
            return CorpusEstimate(None, None, None, memory)
        n_bytes, tokens_a_byte, lines_a_byte = _measure(classified)
        n_tokens, n_lines = int(n_bytes * tokens_a_byte), int(n_bytes * lines_a_byte)
    kept = 4 * n_tokens + 8 * n_lines
    return CorpusEstimate(n_tokens, kept + 4 * n_tokens + 4 * n_lines, kept, memory)


def _measure(files: list[TextFile]) -> tuple[float, float, float]:
    """Bytes of text, tokens per byte and lines per byte, from samples of the plain files; without any, of English."""
    n_bytes = sum(_text_bytes(text) for text in files)
    plain = [text for text in files if text.kind == "plain"]
    sampled = tokens = lines = 0
    for text in plain[:: max(1, len(plain) // 8)][:8]:
        size = text.n_bytes or 0
        with open(open_text(text), "rb", buffering=0) as file:
            for start in {0, max(0, size // 2 - _SAMPLE_BYTES), max(0, size - _SAMPLE_BYTES)}:
                file.seek(start)
                sample = file.read(_SAMPLE_BYTES)
                sampled += len(sample)
                tokens += len(sample.split())
                lines += sample.count(b"\n")
    if not sampled:
        return n_bytes, 1 / _BYTES_PER_TOKEN, 1 / 100
    return n_bytes, tokens / sampled, lines / sampled


def _text_bytes(text: TextFile) -> float:
    if text.table is not None:
        return text.table.n_bytes or 0
    return (text.n_bytes or 0) * (1.0 if text.kind in ("plain", "stream") else BYTES_PER_COMPRESSED)


__all__ = ["CorpusEstimate", "estimate_source", "require_space"]
