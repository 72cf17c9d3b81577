"""Room tests/corpus: text files against the oracle: chunks, threads, white space, UTF-8, limits that are none."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import numpy as np
import pytest
from corpus_oracle import decoded, expected, folder_bytes, split_text
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.corpus import encode_corpus
from firth.errors import CorpusError, EncodingError, ParameterError
from firth.native.loader import available_instruction_sets

SPACES = [" ", "\t", "\n", "\v", "\f", "\r", "\r\n", "  "]
LETTERS = "abcdeéß語😀\u00a0\u2003\x1c\x85"  # wide spaces are no ASCII white space: they are letters here
WORDS = st.text(LETTERS, min_size=1, max_size=20)
TEXTS = st.lists(st.one_of(st.sampled_from(SPACES), WORDS), min_size=1, max_size=60).map("".join)


@given(text=TEXTS, min_count=st.integers(1, 3), cap=st.none() | st.integers(1, 5), chunk_bytes=st.integers(1, 70))
@settings(max_examples=150, deadline=None)
def test_equals_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, text: str, min_count: int, cap: int | None, chunk_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    data = text.encode()
    (folder / "text").write_bytes(data)
    pairs, sequences = expected(split_text(data), min_count, cap)
    if not pairs:
        with pytest.raises(CorpusError):
            encode_corpus(folder / "text", folder=folder / "out", min_count=min_count, chunk_bytes=chunk_bytes)
        assert not (folder / "out").exists()
        return
    corpus = encode_corpus(
        folder / "text",
        folder=folder / "out",
        min_count=min_count,
        max_vocabulary=cap,
        chunk_bytes=chunk_bytes,
        threads=2,
    )
    assert decoded(corpus) == (pairs, sequences)
    assert corpus.n_tokens_read == sum(map(len, split_text(data)))
    assert corpus.n_sequences == len(sequences)


def _random_text(seed: int, n_lines: int) -> bytes:
    chooser = random.Random(seed)
    words = [
        "".join(chooser.choices("abcdefghijé", k=chooser.choice([1, 2, 3, 8, 15, 16, 17, 40]))) for _ in range(300)
    ]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    lines = (" ".join(chooser.choices(words, weights, k=chooser.randrange(30))) for _ in range(n_lines))
    return "\n".join(lines).encode()


def test_every_border_of_chunks_and_every_number_of_threads_gives_the_same_bytes(encode) -> None:
    data = b"\xef\xbb\xbfthe cat\n\n  sat on\tthe caf\xc3\xa9 \r\nincomprehensibilities the\nthe end"
    reference = folder_bytes(encode(data, chunk_bytes=1 << 20, threads=1).folder)
    assert decoded(encode(data))[1] == split_text(data)
    for chunk_bytes in range(1, len(data) + 2):
        for threads in (1, 3):
            assert folder_bytes(encode(data, chunk_bytes=chunk_bytes, threads=threads).folder) == reference


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_a_byte(encode, threads: int) -> None:
    data = _random_text(1, 4000)
    reference = encode(data, threads=1, min_count=2)
    assert decoded(reference) == expected(split_text(data), 2)
    again = encode(data, threads=threads, min_count=2, chunk_bytes=5000)
    assert folder_bytes(again.folder) == folder_bytes(reference.folder)


def test_borders_of_the_scanner(encode) -> None:
    """Words around multiples of 64 bytes and of the scanner's step of 64 KiB, on both sides."""
    for size in (15, 16, 17, 31, 63, 64, 65, 127, 65_535, 65_536, 65_537, 200_000):
        data = b"x" * size + b" y\n" + b"z" * (size - 1) + b"\n y"
        assert decoded(encode(data, chunk_bytes=70_000))[1] == split_text(data)
    data = b" \n".join(b"w" * (n % 5 + 1) for n in range(60_000))
    assert decoded(encode(data))[1] == split_text(data)


def test_one_huge_line_has_no_limit_and_is_shared_by_threads(encode) -> None:
    data = b" ".join(f"w{n % 1000}".encode() for n in range(300_000))  # text8 is one line of 100 MB
    corpus = encode(data, threads=4, chunk_bytes=10_000)
    assert corpus.n_sequences == 1
    assert corpus.n_tokens == 300_000
    assert decoded(corpus)[1] == split_text(data)


def test_words_of_the_same_first_bytes_are_told_apart(encode) -> None:
    """Longer words live outside the table's slots: the same prefix, the same suffix, lengths beside 16."""
    words = [prefix + "m" * n + suffix for n in range(40) for prefix in ("", "a") for suffix in ("", "b", "c")]
    text = " ".join(word for word in words if word)
    assert decoded(encode(text.encode())) == expected([text.split()])


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_every_instruction_set_gives_the_same_bytes(encode, instruction_set: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    data = _random_text(2, 800)
    reference = encode(data, min_count=2)
    (tmp_path / "text").write_bytes(data)
    code = (
        "import sys; from firth.corpus import encode_corpus;"
        " encode_corpus(sys.argv[1], folder=sys.argv[2], min_count=2, chunk_bytes=777)"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "text", tmp_path / "out"],
        check=True,
        env={**os.environ, "FIRTH_INSTRUCTION_SET": instruction_set},
    )
    assert folder_bytes(tmp_path / "out") == folder_bytes(reference.folder)


def test_many_files_are_one_corpus_in_order(encode, tmp_path: Path) -> None:
    texts = [_random_text(seed, 50) + (b"\n" if seed % 2 else b"") for seed in range(6)]
    for number, text in enumerate(texts):
        (tmp_path / f"part-{number}.txt").write_bytes(text)
    sequences = [sequence for text in texts for sequence in split_text(text)]
    corpus = encode(str(tmp_path / "part-*.txt"), chunk_bytes=333, threads=3)
    assert decoded(corpus) == expected(sequences)
    listed = encode([tmp_path / f"part-{number}.txt" for number in range(6)])
    assert folder_bytes(listed.folder) == folder_bytes(corpus.folder)


def test_empty_lines_keep_their_numbers(encode) -> None:
    corpus = encode(b"\n\na rare a\n\nrare\nb b\n", min_count=2, max_vocabulary=1)
    assert decoded(corpus) == ([("a", 2)], [[], [], ["a", "a"], [], [], []])


INVALID = [
    b"\xff",
    b"\xc3",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
    b"\xe2\x82",
    b"\x80",
    b"\xf0\x80\x80\x80",
]


@pytest.mark.parametrize("invalid", INVALID)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
def test_invalid_utf8_names_file_and_offset(encode, tmp_path: Path, invalid: bytes, chunk_bytes: int) -> None:
    data = "good wörds ".encode() * 20 + b"bad" + invalid + b"x and\nmore " + invalid
    path = tmp_path / "latin.txt"
    path.write_bytes(data)
    with pytest.raises(UnicodeDecodeError) as python:
        data.decode()
    with pytest.raises(EncodingError, match=f"latin.txt: byte 0x.* at offset {python.value.start:,} is not UTF-8"):
        encode(path, chunk_bytes=chunk_bytes, threads=3)
    assert not list(tmp_path.glob("encoded*"))


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@pytest.mark.parametrize("invalid", INVALID)
def test_invalid_utf8_is_replaced_when_asked(encode, invalid: bytes, errors: str) -> None:
    data = b"a" + invalid + b"b a\n" + invalid + b" b a" + invalid + b"b"
    sequences = [line.split() for line in data.decode("utf-8", errors).split("\n")]
    assert decoded(encode(data, encoding_errors=errors, threads=1)) == expected(sequences)


def test_the_first_of_several_errors_is_told_whatever_the_threads(encode, tmp_path: Path) -> None:
    data = bytearray(_random_text(3, 2000))
    first = data.index(b" ", 30_000) + 1
    for place in (first, first + 5000, first + 9000):
        data[place] = 0xFF
    for _ in range(5):
        with pytest.raises(EncodingError, match=f"offset {first:,} "):
            encode(bytes(data), threads=8, chunk_bytes=500)


@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_binary_data_is_refused(encode, errors: str) -> None:
    with pytest.raises(CorpusError, match=r"a NUL byte at offset 6.*binary"):
        encode(b"some b\0inary", encoding_errors=errors)
    with pytest.raises(CorpusError, match="UTF-16"):
        encode("text".encode("utf-16"), encoding_errors=errors)
    garbage = np.random.default_rng(1).integers(0, 256, 100_000, np.uint8).tobytes()
    with pytest.raises(CorpusError):
        encode(garbage)


@pytest.mark.parametrize("chunk_bytes", [1 << 16, 1 << 24])
def test_a_word_of_megabytes_is_no_text(encode, chunk_bytes: int) -> None:
    with pytest.raises(CorpusError, match="a word of more than 1,048,576 bytes starts at offset 4"):
        encode(b"ok\n " + b"A" * 2_500_000 + b" end", chunk_bytes=chunk_bytes, threads=2)
    longest = b"A" * (1 << 20)
    assert decoded(encode(b"ok " + longest + b" end", chunk_bytes=chunk_bytes))[1] == [["ok", longest.decode(), "end"]]


def test_lowercase_and_normalizer_merge_counts(encode) -> None:
    data = "The the THE café Café\ncat. cat x X".encode()
    lower = [[token.lower() for token in line] for line in split_text(data)]
    assert decoded(encode(data, lowercase=True, min_count=2)) == expected(lower, 2)
    seen: list[str] = []

    def normalize(word: str) -> str | None:
        seen.append(word)
        return {"x": None, "cat.": "cat", "café": ""}.get(word, word)

    corpus = encode(data, lowercase=True, normalizer=normalize)
    assert decoded(corpus) == ([("the", 3), ("cat", 2)], [["the", "the", "the"], ["cat", "cat"]])
    assert len(seen) == 9  # distinct words as they were read
    with pytest.raises(TypeError, match="normalizer must return a string or None, got 7 for 'The'"):
        encode(data, normalizer=lambda word: 7, threads=1)
    with pytest.raises(CorpusError, match="every word was dropped"):
        encode(data, normalizer=lambda word: None)
    with pytest.raises(ZeroDivisionError):
        encode(data, normalizer=lambda word: 1 / 0)


def test_a_tokenizer_of_the_user(encode, tmp_path: Path) -> None:
    data = b"a,b;c\r\n\nd,a"
    corpus = encode(data, tokenizer=lambda line: line.replace(";", ",").split(",") if line else [])
    assert decoded(corpus) == expected([["a", "b", "c"], [], ["d", "a"]])
    plain = encode(_random_text(4, 300), tokenizer=str.split)
    assert decoded(plain) == expected(split_text(_random_text(4, 300)))
    with pytest.raises(TypeError, match="tokenizer must return a list of tokens, got 'a,b;c'"):
        encode(data, tokenizer=lambda line: line)
    with pytest.raises(EncodingError, match="byte 0xff at offset 5 of the text"):
        encode(b"a b\nc\xff d", tokenizer=str.split)
    assert decoded(encode(b"a\xff", tokenizer=str.split, encoding_errors="replace"))[1] == [["a\ufffd"]]
    with pytest.raises(ParameterError, match="tokenizer must be None if the corpus is not text"):
        encode([["a"]], tokenizer=str.split)


def test_min_count_that_leaves_nothing_says_what_would_work(encode, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        encode(b"a b a c a\nb", min_count=5)
    assert "min_count=5 leaves no word: 3 distinct words were seen among 6 tokens" in str(error.value)
    assert "the most frequent, 'a', 3 times; give min_count=3 or less" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["text-0.txt"]


@pytest.mark.parametrize("data", [b" ", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_text_without_words(encode, data: bytes) -> None:
    with pytest.raises(CorpusError, match="at least one word, got none in .*text-0.txt"):
        encode(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"min_count": 2.5}, "min_count must be a whole number, got 2.5"),
        ({"max_vocabulary": 0}, "max_vocabulary must be at least 1, got 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"threads": True}, "threads must be a whole number, got True"),
        ({"encoding_errors": "what"}, "encoding_errors must be one of 'strict', 'replace', 'ignore', got 'what'"),
        ({"heldout_share": 1.0}, "heldout_share must lie strictly between 0 and 1, got 1.0"),
        ({"heldout_share": "1%"}, "heldout_share must lie strictly between 0 and 1, got '1%'"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        (
            {"tokenizer": "split"},
            "tokenizer must be 'whitespace', 'unicode', .*, or None, got 'split'",
        ),
        ({"vocabulary": ["a"]}, "vocabulary must be a Vocabulary or None, got list"),
        ({"chunk_bytes": 0}, "chunk_bytes must be at least 1, and at most 4,294,967,296, got 0"),
        ({"chunk_bytes": 2**32 + 1}, "chunk_bytes must be at least 1, and at most 4,294,967,296, got 4,294,967,297"),
    ],
)
def test_parameters_out_of_range(encode, options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        encode(b"a b", **options)


def test_progress_is_told_in_the_callers_thread_and_can_stop(encode, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    data = _random_text(5, 500)

    def progress(stage: str, done: int, total: int | None) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append((stage, done, total))

    corpus = encode(data, progress=progress, chunk_bytes=1000)
    assert ("count", len(data), len(data)) in told
    assert told[-1] == ("encode", corpus.n_tokens_read, corpus.n_tokens_read)

    def stop(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    n_threads = threading.active_count()  # fsspec keeps one
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path / "text-0.txt", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert threading.active_count() == n_threads
