"""Room tests/corpus: the held-out share: chosen by counter, not counted, apart; the same whatever the threads."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from corpus_oracle import decoded_sequences, folder_bytes, split_text

from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import CorpusError


def _text(n_lines: int) -> bytes:
    return "".join(
        " ".join(f"w{(line * step) % 97}" for step in range(line % 9)) + "\n" for line in range(n_lines)
    ).encode()


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize(("share", "seed"), [(0.1, 1), (0.5, 7), (0.01, (1 << 63) + 5)])
def test_equals_the_numpy_twin(encode, share: float, seed: int, as_tokens: bool) -> None:
    data = _text(700)
    sequences = split_text(data)
    draws = draw_blocks(seed, Purpose.HELDOUT, 0, np.arange(len(sequences)))[:, 0]
    is_heldout = draws < share * 2**32
    assert is_heldout.any()
    source = iter(sequences) if as_tokens else data
    corpus = encode(source, heldout_share=share, seed=seed, min_count=2, threads=3, chunk_bytes=201)

    counts = Counter(w for held, sequence in zip(is_heldout, sequences, strict=True) if not held for w in sequence)
    pairs = sorted(((w, c) for w, c in counts.items() if c >= 2), key=lambda pair: (-pair[1], pair[0]))
    words = [word for word, _ in pairs]
    assert corpus.vocabulary.word_list() == words
    assert corpus.vocabulary.counts.tolist() == [count for _, count in pairs]
    kept = [[w for w in sequence if w in set(words)] for sequence in sequences]
    assert decoded_sequences(corpus.ids, corpus.offsets, words) == [
        [] if held else sequence for held, sequence in zip(is_heldout, kept, strict=True)
    ]
    assert decoded_sequences(corpus.heldout_ids, corpus.heldout_offsets, words) == [
        sequence for held, sequence in zip(is_heldout, kept, strict=True) if held
    ]
    assert corpus.n_tokens_read == sum(counts.values())
    assert corpus.manifest["n_heldout_sequences"] == is_heldout.sum()


def test_does_not_depend_on_threads_or_chunks(encode) -> None:
    data = _text(500)
    reference = folder_bytes(encode(data, heldout_share=0.2, threads=1).folder)
    for threads, chunk_bytes in ((1, 50), (2, 51), (8, 1000)):
        again = encode(data, heldout_share=0.2, threads=threads, chunk_bytes=chunk_bytes)
        assert folder_bytes(again.folder) == reference


def test_numbers_count_on_over_files(encode, tmp_path) -> None:
    data = _text(60)
    lines = data.splitlines(keepends=True)
    for number in range(3):
        (tmp_path / f"{number}.txt").write_bytes(b"".join(lines[number * 20 : number * 20 + 20]))
    split = encode([tmp_path / f"{number}.txt" for number in range(3)], heldout_share=0.3)
    assert folder_bytes(split.folder) == folder_bytes(encode(data, heldout_share=0.3).folder)


def test_a_share_that_leaves_nothing(encode) -> None:
    with pytest.raises(CorpusError, match="must leave at least one token to train on, got all 3 tokens"):
        encode(b"a b c", heldout_share=0.999999)
    with pytest.raises(CorpusError, match="must hold out at least one word"):
        encode(b"a b c", heldout_share=1e-9)


def test_no_share_no_files(encode) -> None:
    corpus = encode(b"a b c")
    assert corpus.heldout_ids is None
    assert corpus.heldout_offsets is None
