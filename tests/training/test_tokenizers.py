"""Room tests/training: a model keeps the tokenizer of its texts, and splits new texts alike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.cli.main import app
from firth.errors import CorpusTypeError, FormatError, MissingExtraError, ParameterError
from firth.estimators import DocumentVectorizer
from firth.formats.model_folder import read_model_folder, write_model_folder

pytest.importorskip("regex")
tokenizers = pytest.importorskip("tokenizers")

TEXTS = ["The dog's (old) house.", "A cat, a dog!", "New York: the cat."] * 12
MORE = ["the new, old dog.", "cat?"] * 12
OPTIONS: dict[str, Any] = {"dims": 6, "epochs": 2, "min_count": 1, "threads": 1, "progress": False, "subsample": 0}


def _pieces() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=60, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(TEXTS + MORE, trainer)
    return made


def _split(text: str) -> list[str]:
    return text.replace(".", " ").replace(",", " ").split()


@pytest.fixture(params=["unicode", "pieces"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return "unicode" if request.param == "unicode" else _pieces()


def test_a_saved_model_tokenizes_as_it_was_trained(tokenizer: Any, tmp_path: Path) -> None:
    trained = firth.train(TEXTS, tokenizer=tokenizer, lowercase=True, output=tmp_path / "model", **OPTIONS)
    for model in (trained, firth.load(tmp_path / "model")):
        tokens = model.tokenize(TEXTS)
        assert [token for one in tokens for token in one if token not in model.vectors] == []
        assert sum(map(len, tokens)) == model.corpus.n_tokens_read
        assert model.tokenize(["Old DOG"], tokenizer="whitespace") == [["old", "dog"]]
        assert model.tokenizer == trained.tokenizer
    assert tokens[0] == (["the", "dog's", "old", "house"] if tokenizer == "unicode" else tokens[0])
    with pytest.raises(CorpusTypeError, match=r"got one string; pass \[text\]"):
        trained.tokenize("Old dog")


def test_more_text_is_split_like_the_first(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("".join(text + "\n" for text in MORE))
    model = firth.train(TEXTS, tokenizer=tokenizer, **OPTIONS)
    tokens = model.tokenize(MORE)
    expected = model.train_more(tokens, progress=False)
    assert expected.tokenizer == model.tokenizer  # lists of tokens say nothing of texts
    (tmp_path / "more.jsonl").write_text("".join(f'{{"t": "{text}", "w": ["dog", "cat"]}}\n' for text in MORE))
    for source, options in (
        (tmp_path / "more.txt", {}),
        ([str(tmp_path / "more.txt")], {}),
        (tmp_path / "more.jsonl", {"column": "t"}),
    ):
        found = model.train_more(source, output=tmp_path / "more", overwrite=True, progress=False, **options)
        assert list(found.vectors.words) == list(expected.vectors.words)
        np.testing.assert_array_equal(found.vectors.matrix, expected.vectors.matrix)
        assert firth.load(tmp_path / "more").tokenizer == model.tokenizer
    listed = model.train_more(tmp_path / "more.jsonl", column="w", progress=False)
    assert listed.corpus.n_tokens_read == 2 * len(MORE)


def test_documents_are_inferred_from_texts_and_from_tokens(tokenizer: Any, tmp_path: Path) -> None:
    trained = firth.train_documents(TEXTS, tokenizer=tokenizer, output=tmp_path / "model", **OPTIONS)
    model = firth.load(tmp_path / "model")
    expected = trained.infer(trained.tokenize(MORE), empty="zero")
    (tmp_path / "more.txt").write_text("".join(text + "\n" for text in MORE))
    for texts in (MORE, iter(MORE), np.array(MORE)[:, None], tmp_path / "more.txt"):
        np.testing.assert_array_equal(model.infer(texts, empty="zero"), expected)
    np.testing.assert_array_equal(model.infer(model.tokenize(MORE), empty="zero"), expected)
    np.testing.assert_array_equal(model.infer(iter(model.tokenize(MORE)), empty="zero"), expected)
    assert model.neighbors("cat, dog!") == model.neighbors(model.tokenize(["cat, dog!"])[0])


def test_a_folder_of_documents_keeps_its_tokenizer(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, text in enumerate(TEXTS[:6]):
        (folder / f"{number}.txt").write_text(text.replace(" ", "\n"))
    model = firth.train_documents(folder, tokenizer="unicode", **OPTIONS)
    assert model.tokenizer.name == "unicode"
    assert "dog's" in model.vectors
    assert "cat," not in model.vectors


def test_a_function_must_be_given_again(tmp_path: Path) -> None:
    model = firth.train_documents(TEXTS, tokenizer=_split, output=tmp_path / "model", **OPTIONS)
    (tmp_path / "more.txt").write_text("old dog.\n")
    message = r"tokenizer must be given: the texts of the model were split by .*_split, and functions are not stored"
    for one in (model, firth.load(tmp_path / "model")):
        for call in (lambda one=one: one.infer(["dog"]), lambda one=one: one.tokenize(["dog"])):
            with pytest.raises(ParameterError, match=message):
                call()
        assert one.infer([["cat"]]).shape == (1, 6)
        np.testing.assert_array_equal(one.infer(["the cat."], tokenizer=_split), one.infer([["the", "cat"]]))
    words = firth.train(TEXTS, tokenizer=_split, **OPTIONS)
    with pytest.raises(ParameterError, match=message):
        words.train_more(tmp_path / "more.txt", progress=False)
    assert words.train_more(tmp_path / "more.txt", tokenizer=_split, progress=False).corpus.n_tokens_read == 2


def test_a_resumed_run_keeps_the_tokenizer(tokenizer: Any, tmp_path: Path) -> None:
    class Stop(firth.Callback):
        def on_epoch_end(self, state: Any) -> None:
            raise RuntimeError("stop")

    folder = tmp_path / "model"
    with pytest.raises(RuntimeError, match="stop"):
        firth.train(TEXTS, tokenizer=tokenizer, output=folder, checkpoint_every="1words", callbacks=[Stop()], **OPTIONS)
    expected = firth.train(TEXTS, tokenizer=tokenizer, **OPTIONS).tokenizer
    assert firth.resume(folder, progress=False).tokenizer == expected
    assert expected.name


def test_an_encoded_corpus_has_its_tokenizer(tokenizer: Any, tmp_path: Path) -> None:
    corpus = firth.encode_corpus(TEXTS, tokenizer=tokenizer, folder=tmp_path / "corpus", min_count=1)
    assert firth.train(corpus, **OPTIONS).tokenizer == firth.train(TEXTS, tokenizer=tokenizer, **OPTIONS).tokenizer


def test_the_vectorizer_splits_like_the_model_in_a_folder(tokenizer: Any, tmp_path: Path) -> None:
    model = firth.train(TEXTS, tokenizer=tokenizer, output=tmp_path / "model", **OPTIONS)
    found = DocumentVectorizer(tmp_path / "model").fit(MORE).transform(MORE)
    expected = DocumentVectorizer(model.vectors).fit(model.tokenize(MORE)).transform(model.tokenize(MORE))
    np.testing.assert_array_equal(found, expected)
    given = DocumentVectorizer(model.vectors, tokenizer=tokenizer).fit(MORE).transform(MORE)
    np.testing.assert_array_equal(given, expected)


def test_the_command_line_takes_names_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        Path(name).write_text("".join(text + "\n" for text in TEXTS))
    _pieces().save("pieces.json")

    def run(*arguments: str) -> None:
        done = CliRunner().invoke(app, arguments, prog_name="firth", catch_exceptions=False)
        assert done.exit_code == 0, done.output

    options = ("--min-count", "1", "--dims", "4", "-q")
    run("train", "a.txt", "b.txt", "-o", "words", "--tokenizer", "unicode", *options)
    assert firth.load("words").tokenize(["cat, dog!"]) == [["cat", "dog"]]
    run("train", "a.txt", "-o", "pieces", "--tokenizer", "pieces.json", *options)
    assert firth.load("pieces").tokenizer.name == "tokenizers"
    run("documents", "train", "a.txt", "-o", "documents", "--tokenizer", "unicode", *options)
    run("documents", "infer", "documents", "a.txt", "-o", "vectors.npy")
    np.testing.assert_array_equal(np.load("vectors.npy"), firth.load("documents").infer(Path("a.txt")))
    run("phrases", "a.txt", "b.txt", "-o", "p.txt", "--tokenizer", "unicode", "--threshold", "1", "--join", "j.txt")
    assert Path("j.txt").read_text().startswith("The_dog's old_house\nA_cat a_dog\n")


def test_a_damaged_tokenizer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    firth.train(TEXTS, tokenizer=_pieces(), output=folder, **OPTIONS)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(MissingExtraError, match=r"firth\[tokenizers\]"):
            firth.load(folder).tokenize(["cat"])  # the vectors need no tokenizer
    config, tensors = read_model_folder(folder, check_numbers=True)
    config = {key: value for key, value in config.items() if key not in ("format", "format_version")}
    for name, stored, message in (
        (3, np.zeros(2, np.uint8), "tokenizer must be a text, got 3"),
        (
            "tokenizers",
            np.zeros((1, 2), np.uint8),
            r"tokenizer must be bytes in one dimension, got uint8",
        ),
        ("tokenizers", np.full(2, 255, np.uint8), "can't decode byte 0xff"),
    ):
        written = {key: np.array(value) for key, value in tensors.items()} | {"tokenizer": stored}
        write_model_folder(folder, written, config | {"tokenizer": name}, overwrite=True)
        with pytest.raises(FormatError, match=message):
            firth.load(folder)
    written["tokenizer"] = np.frombuffer(b"{}", np.uint8)
    write_model_folder(folder, written, config | {"tokenizer": "tokenizers"}, overwrite=True)
    with pytest.raises(FormatError, match=r"the tokenizer of the model must be a tokenizer\.json"):
        firth.load(folder).tokenize(["cat"])
