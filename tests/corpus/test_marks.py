"""Room tests/corpus: byte-order marks inside a corpus and a vocabulary, and words that never occur."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_oracle import decoded, expected, folder_bytes

import firth
from firth.corpus import EncodedCorpus, Vocabulary
from firth.errors import CorpusWarning

MARK = b"\xef\xbb\xbf"
PART = b"north south\neast west\n"
WORDS = [["north", "south"], ["east", "west"]]
OPTIONS: dict[str, Any] = {"min_count": 1, "dims": 2, "epochs": 1, "subsample": 0, "threads": 1}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("options", [{}, {"tokenizer": str.split}, {"lowercase": True}, {"encoding_errors": "replace"}])
def test_marks_of_joined_files_are_no_text(encode, options: dict[str, Any], threads: int) -> None:
    corpus = encode((MARK + PART) * 3, threads=threads, chunk_bytes=10, **options)
    assert decoded(corpus) == expected(WORDS * 3)
    assert corpus.counted("n_byte_order_marks") == 2
    assert corpus.n_tokens_read == corpus.n_tokens == 12
    assert corpus.n_distinct_words == 4


def test_marks_in_every_place(encode) -> None:
    text = (
        PART + MARK + b"\n" + MARK * 2 + b"north " + MARK + b" " + MARK + b"new " + MARK + b"new\nab" + MARK + b"cd\n"
    )
    corpus = encode(text)
    # inside a word U+FEFF is an old no-break space, and the word stays as it is
    assert decoded(corpus) == expected([*WORDS, [], ["north", "new", "new"], ["ab\ufeffcd"]])
    assert corpus.counted("n_byte_order_marks") == 5
    assert corpus.counted("n_glued_tokens") == 1
    assert encode(text, tokenizer=str.split).counted("n_glued_tokens") == 1
    assert corpus.n_tokens_read == corpus.n_tokens
    (text_without,) = [encode(text.replace(MARK * 2, b"").replace(b" " + MARK, b" ").replace(b"\n" + MARK, b"\n"))]
    assert np.array_equal(corpus.ids, text_without.ids)


def test_marks_and_held_out_sequences(encode) -> None:
    whole = encode(PART * 50, heldout_share=0.3)
    marked = encode((MARK + PART) * 50, heldout_share=0.3)
    names = ("ids.i32", "offsets.i64", "ids-heldout.i32", "offsets-heldout.i64", "vocabulary.safetensors")
    assert [folder_bytes(marked.folder)[name] for name in names] == [folder_bytes(whole.folder)[name] for name in names]


def test_marks_alone_are_no_corpus(encode) -> None:
    with pytest.raises(firth.CorpusError, match="at least one word"):
        encode(b"\n" + MARK + b"\n" + MARK * 3)


def test_given_tokens_are_taken_as_they_are_and_counted(encode) -> None:
    corpus = encode([["\ufeffnorth", "south"], ["north"]])
    assert corpus.vocabulary.word_list() == ["north", "south", "\ufeffnorth"]
    assert corpus.counted("n_marked_tokens") == 1


def test_training_says_what_was_taken_off(
    encode, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "joined.txt").write_bytes((MARK + PART) * 3)
    model = firth.train(tmp_path / "joined.txt", progress=True, **OPTIONS)
    assert sorted(model.vectors.words) == ["east", "north", "south", "west"]
    assert "2 byte-order marks (U+FEFF) inside the text were removed from their words" in capsys.readouterr().err
    model.train_more(tmp_path / "joined.txt", new_words=False, progress=True)
    assert "2 byte-order marks (U+FEFF) inside the text" in capsys.readouterr().err
    (tmp_path / "glued.txt").write_bytes(b"north east" + MARK + PART * 2)
    firth.train(tmp_path / "glued.txt", progress=True, **OPTIONS)
    assert "1 words contain a byte-order mark (U+FEFF)" in capsys.readouterr().err
    firth.train([["\ufeffnorth", "south"]] * 4, progress=True, **OPTIONS)
    assert "4 tokens begin with a byte-order mark" in capsys.readouterr().err


def test_a_vocabulary_file_with_marks(encode, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(MARK + b"north 40\nsouth 40\n" + MARK + b"east 3\r\n")
    vocabulary = Vocabulary.load(tmp_path / "words.txt")
    assert vocabulary.words == ("north", "south", "east")
    assert decoded(encode(PART, vocabulary=vocabulary))[1] == [["north", "south"], ["east"]]


def test_words_that_never_occur_are_warned_of(encode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vocabulary = Vocabulary(("North", "north", "south", "u1", "u2", "u3", "u4", "u5"), np.ones(8, np.int64))
    with pytest.warns(CorpusWarning, match=r"6 of 8 words that never .* 'u1', 'u2', 'u3', 'u4', \.\.\.\)"):
        firth.train(io.BytesIO(PART * 9), vocabulary=vocabulary, progress=False, **OPTIONS)
    corpus = encode(PART, vocabulary=vocabulary)
    assert corpus.counted("n_words_unseen") == 6
    assert EncodedCorpus(corpus.folder).unseen_words() == ["North", "u1", "u2", "u3", "u4"]
    firth.train(corpus, progress=True, **OPTIONS)
    assert "6 of 8 words that never occur" in capsys.readouterr().err
    seen = Vocabulary(("south", "north"), np.ones(2, np.int64))
    firth.train(io.BytesIO(PART * 9), vocabulary=seen, heldout=[["north", "south"]], progress=False, **OPTIONS)


def test_integers_that_never_occur_are_warned_of() -> None:
    vocabulary = Vocabulary(np.array([7, 8, 9]), np.ones(3, np.int64))
    with pytest.warns(CorpusWarning, match=r"1 of 3 words that never occur in the corpus \(9\)"):
        firth.train([[7, 8]] * 9, vocabulary=vocabulary, progress=False, **OPTIONS)


def test_two_words_that_are_not_utf8_form_no_mark_together(encode) -> None:
    """The bytes of distinct words lie one after the other: here the end of one and the start of the next."""
    data = b"ax\xef \xbb\xbfx \xef\xbb\xbfax\n" * 9
    corpus = encode(io.BytesIO(data), encoding_errors="ignore", threads=1)
    assert corpus.manifest["n_byte_order_marks"] == 9
    assert corpus.manifest["n_glued_tokens"] == 0
