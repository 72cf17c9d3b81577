"""Room tests/corpus: tokenizers by name, of Hugging Face, and functions give the sequences that they say."""

from __future__ import annotations

import json
import sys
from collections import UserDict
from pathlib import Path
from typing import Any

import pytest
from corpus_oracle import decoded, folder_bytes

import firth
from firth.corpus import table_text, tokenizing
from firth.corpus.tokenizers import BatchTokenizer, TokenizerRecord, resolve_tokenizer
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    EncodingError,
    FormatError,
    MissingExtraError,
    ParameterError,
    StorageError,
)

regex = pytest.importorskip("regex")
tokenizers = pytest.importorskip("tokenizers")

# The words by the rules WB1 to WB16 of UAX #29, applied by hand, without segments of punctuation, symbols and spaces.
EXAMPLES = {
    "Don't panic -- it’s o'clock!": ["Don't", "panic", "it’s", "o'clock"],
    "l'homme rock'n'roll 'quoted'": ["l'homme", "rock'n'roll", "quoted"],
    "3.14 1,000 1/2 100% $5 x=1": ["3.14", "1,000", "1", "2", "100", "5", "x", "1"],
    "well-known user@example.com #tag a_b": ["well", "known", "user", "example.com", "tag", "a_b"],
    "U.S.A. e.g. C++ .NET": ["U.S.A", "e.g", "C", "NET"],
    "我喜欢北京。": ["我", "喜", "欢", "北", "京"],
    "日本語のテキスト、カタカナ": ["日", "本", "語", "の", "テキスト", "カタカナ"],
    "한국어 문장입니다.": ["한국어", "문장입니다"],
    "สวัสดี": ["ส", "วั", "ส", "ดี"],
    "हिन्दी में": ["हिन्दी", "में"],
    "צה\"ל ה'": ['צה"ל', "ה'"],
    "cafe\u0301 naïve": ["cafe\u0301", "naïve"],
    "👩\u200d👩\u200d👧 👍🏽👍 🇫🇷🇩🇪 ❤️ ☃": ["👩\u200d👩\u200d👧", "👍🏽", "👍", "🇫🇷", "🇩🇪", "❤️", "☃"],
    "1️⃣ :-) ->": ["1️⃣"],
    "a\u00a0b\u3000c\u200bd": ["a", "b", "c", "d"],
    "soft\u00adhyphen": ["soft\u00adhyphen"],
    " \u093f x": ["\u093f", "x"],  # a vowel sign after a space is in one segment with the space
    "": [],
    " ?! ": [],
}


def _words() -> Any:
    """A tokenizer of whole words, in lower case, whose words are known."""
    models, normalizers, pre = tokenizers.models, tokenizers.normalizers, tokenizers.pre_tokenizers
    made = tokenizers.Tokenizer(models.WordLevel({"[UNK]": 0, "north": 1, "east": 2, ",": 3}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre.Whitespace()
    return made


@pytest.mark.parametrize("text", EXAMPLES)
def test_words_by_the_rules_of_unicode(text: str) -> None:
    assert resolve_tokenizer("unicode")(text) == EXAMPLES[text]  # type: ignore[misc]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_file_and_texts_in_memory_have_these_words(encode, tmp_path: Path, monkeypatch, threads: int) -> None:
    monkeypatch.setattr(tokenizing, "BATCH_BYTES", 30)
    texts = list(EXAMPLES)
    data = "\n".join(texts).encode() + b"\r\n"
    expected = [EXAMPLES[text] for text in texts]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    sources: list[tuple[Any, dict[str, Any]]] = [
        (data, {}),
        (tmp_path / "a.jsonl", {"column": "text"}),
        (texts, {}),
        ((text for text in texts), {}),
    ]
    for source, options in sources:
        corpus = encode(source, tokenizer="unicode", threads=threads, chunk_bytes=20, **options)
        assert decoded(corpus)[1] == expected
        assert corpus.manifest["settings"]["tokenizer"] == "unicode"


def test_a_batch_tokenizer_has_the_sequences_of_the_function(encode, tmp_path: Path, monkeypatch) -> None:
    words = resolve_tokenizer("unicode")
    text = "\ufeffNorth, east! \u00fc\r\n\n\ufeff\ufeffnorth.\n(east)".encode() * 40
    monkeypatch.setattr("firth.corpus.blocks.BLOCK_BYTES", 50)  # blocks end inside lines and characters
    (tmp_path / "a.txt").write_bytes(text)
    by_function = encode(tmp_path / "a.txt", tokenizer=lambda line: words(line))  # type: ignore[misc]
    by_batches = encode(tmp_path / "a.txt", tokenizer="unicode", threads=2)
    assert by_function.manifest["settings"]["tokenizer"].endswith("<lambda>")
    one, other = (folder_bytes(corpus.folder) for corpus in (by_function, by_batches))
    assert one.pop("corpus.json") != other.pop("corpus.json")
    assert one == other
    counts = ("n_tokens", "n_sequences", "n_byte_order_marks")
    assert [by_function.manifest[name] for name in counts] == [by_batches.manifest[name] for name in counts]


def test_wrong_bytes_are_named_with_their_offset(encode) -> None:
    text = b"north east\n" * 100_000
    for encoding_errors in ("strict", "replace"):
        with pytest.raises(CorpusError, match=r"txt: a NUL byte at offset 1,100,001 of the text: this is binary data"):
            encode(text + b"a\0b", tokenizer="unicode", encoding_errors=encoding_errors)
    with pytest.raises(EncodingError, match=r"txt: byte 0xff at offset 1,100,004 of the text is not UTF-8"):
        encode(text + b"\xef\xbb\xbfb\xff\n" + text, tokenizer="unicode")
    replaced = decoded(encode(b"a\xff b\n", tokenizer="unicode", encoding_errors="replace"))[1]
    assert replaced == [["a", "b"]]  # U+FFFD is no letter
    with pytest.raises(EncodingError, match="corpus must be valid Unicode, got a lone surrogate in row 1; replace it"):
        encode(["east", "north a\ud800"], tokenizer="unicode")


def test_a_tokenizer_of_hugging_face_gives_its_tokens(encode, tmp_path: Path) -> None:
    made = _words()
    made.save(str(tmp_path / "tokenizer.json"))
    text = b"North East,\n\nwest north\n"
    expected = [["north", "east", ","], [], ["[UNK]", "north"]]
    for tokenizer in (made, str(tmp_path / "tokenizer.json"), tmp_path / "tokenizer.json"):
        corpus = encode(text, tokenizer=tokenizer)
        assert decoded(corpus)[1] == expected
        settings = corpus.manifest["settings"]
        assert settings["tokenizer"] == "tokenizers"
        assert json.loads(settings["tokenizer_json"])["model"]["type"] == "WordLevel"
    assert decoded(encode(["North East,", "", "west north"], tokenizer=made))[1] == expected
    assert decoded(encode([tmp_path / "tokenizer.json"], as_text=True, tokenizer=made))[1]


def test_truncation_and_special_tokens_are_left_out(encode) -> None:
    made = _words()
    made.add_special_tokens(["[CLS]"])
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", made.token_to_id("[CLS]"))]
    )
    made.enable_truncation(3)
    made.enable_padding(length=8)
    assert made.encode("north east north east").tokens[:3] == ["[CLS]", "north", "east"]
    assert decoded(encode(b"north east north east\n", tokenizer=made))[1] == [["north", "east"] * 2]
    assert made.truncation["max_length"] == 3  # the user's object is as it was


def test_tokens_with_spaces_are_kept(encode) -> None:
    pieces = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "new york": 1, "a b": 2}, unk_token="[UNK]"))
    assert not resolve_tokenizer(pieces).is_joinable  # type: ignore[union-attr]
    assert decoded(encode(b"new york\nother\na b\n", tokenizer=pieces))[1] == [["new york"], ["[UNK]"], ["a b"]]
    assert decoded(encode(["new york"], tokenizer=pieces))[1] == [["new york"]]
    # a Unigram model gives pieces that it does not know as they are
    unigram = tokenizers.Tokenizer(tokenizers.models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    with pytest.raises(CorpusError, match=r"tokenizer must make tokens without white space, got '. .'; pass"):
        encode(b"a? ?\n", tokenizer=unigram)


def test_a_tokenizer_with_a_part_in_python_is_described(encode) -> None:
    class Letters:
        def pre_tokenize(self, text: Any) -> None:
            text.split(lambda _, part: [part[i : i + 1] for i in range(len(str(part)))])

    made = _words()
    made.pre_tokenizer = tokenizers.pre_tokenizers.PreTokenizer.custom(Letters())
    made.model = tokenizers.models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]")
    corpus = encode(b"ab\n", tokenizer=made)
    assert decoded(corpus)[1] == [["a", "[UNK]"]]
    assert corpus.manifest["settings"]["tokenizer"] == "tokenizers.Tokenizer"
    record = TokenizerRecord.of_settings(corpus.manifest["settings"])
    with pytest.raises(ParameterError, match=r"were split by tokenizers\.Tokenizer, and functions are not stored"):
        record.restore()


def test_values_that_are_no_tokenizer_are_refused(encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "latin.json").write_bytes(b"\xff")
    for tokenizer, kind, message in (
        ("unicod", ParameterError, r"got 'unicod'; did you mean 'unicode'\?"),
        (3, ParameterError, "tokenizer must be callable: .* or None, got 3"),
        (tmp_path / "none.json", StorageError, "none.json cannot be read: No such file"),
        (str(tmp_path / "bad.json"), FormatError, "bad.json must be a tokenizer.json of Hugging Face"),
        (str(tmp_path / "latin.json"), FormatError, "latin.json must be UTF-8, got a wrong byte at 0"),
    ):
        with pytest.raises(kind, match=message):
            encode(b"a\n", tokenizer=tokenizer)
    with pytest.raises(CorpusTypeError, match=r"got a UserDict with the keys 'input_ids'; pass its method"):
        encode(b"a\n", tokenizer=lambda text: UserDict(input_ids=[1]))
    with pytest.raises(ParameterError, match="tokenizer must be None if the corpus is not text"):
        encode([["a"]], tokenizer="unicode")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "regex", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'firth\[unicode\]'"):
            encode(b"a\n", tokenizer="unicode")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[tokenizers\]'"):
        encode(b"a\n", tokenizer=str(tmp_path / "bad.json"))


def test_classes_that_keep_a_tokenizer_inside_are_taken() -> None:
    made = tokenizers.implementations.ByteLevelBPETokenizer()
    made.train_from_iterator(["north east"] * 9, vocab_size=300, show_progress=False)
    found = resolve_tokenizer(made)
    assert isinstance(found, BatchTokenizer)
    assert found("north east") == made.encode("north east").tokens

    class Fast:  # of the library transformers
        backend_tokenizer = _words()

    Fast.__module__ = "transformers.tokenization"
    assert resolve_tokenizer(Fast())("North") == ["north"]  # type: ignore[misc]


def test_phrases_are_learned_and_joined_in_the_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("(new, york) is big.\n" * 5 + "the big dog\n" * 5 + "new york!\n" * 20)
    found = firth.learn_phrases(tmp_path / "a.txt", tokenizer="unicode", threshold=1)
    assert ("new", "york") in found.scores
    assert found.join_file(tmp_path / "a.txt", tmp_path / "joined.txt", tokenizer="unicode") == 30
    assert (tmp_path / "joined.txt").read_text().startswith("new_york is big\n")


def test_batches_of_a_table_are_tokenized(encode, tmp_path: Path, monkeypatch) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    texts = list(EXAMPLES) * 20
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=7)
    monkeypatch.setattr(table_text, "BATCH_BYTES", 100)
    corpus = encode(tmp_path / "a.parquet", column="text", tokenizer="unicode", threads=2)
    assert decoded(corpus)[1] == [EXAMPLES[text] for text in texts]
    assert decoded(encode(pa.array(texts), tokenizer="unicode"))[1] == [EXAMPLES[text] for text in texts]
