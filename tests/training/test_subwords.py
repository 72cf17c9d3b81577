"""A run with n-grams, whole: training, saving, resuming, more text, start vectors, frozen words, the command."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import firth
from firth.cli.main import app
from firth.errors import ParameterError
from firth.vectors.conversion import as_word_vectors

STEMS = ["walk", "talk", "jump", "house", "river", "moun", "stone", "lamp"]
ENDINGS = ["", "s", "ed", "ing", "er", "ers", "ly"]
OPTIONS = {
    "dims": 12, "epochs": 3, "min_count": 1, "threads": 1, "subsample": 0.0, "subwords": True, "learning_rate": 0.1,
    "progress": False,
}  # fmt: skip


def make_texts(n_texts: int, seed: int, stems: list[str] = STEMS) -> list[list[str]]:
    """Words of one text have one ending: so n-grams tell what their company is."""
    rng = np.random.default_rng(seed)
    return [
        [stems[stem] + ending for stem in rng.integers(0, len(stems), 12)]
        for ending in rng.choice(ENDINGS, n_texts).tolist()
    ]


@pytest.fixture(scope="module")
def texts() -> list[list[str]]:
    return make_texts(150, 1)


@pytest.fixture(scope="module")
def model(texts) -> firth.Model:  # type: ignore[no-untyped-def]
    return firth.train(texts, **OPTIONS)


def test_words_that_were_never_seen_are_near_those_that_share_their_ngrams(model) -> None:  # type: ignore[no-untyped-def]
    vectors = model.vectors
    assert "bending" not in vectors
    nearest = [neighbor.word for neighbor in vectors.neighbors("bending", top=5)]
    assert sum(word.endswith("ing") for word in nearest) >= 4
    assert vectors.subword_rows is not None
    rules = vectors.subword_rows.rules
    assert (rules.min_ngram, rules.max_ngram, rules.buckets) == (3, 6, model.config.buckets)
    subwords = vectors.subwords("walking")
    rows = np.vstack([vectors.subword_rows.word_rows, vectors.subword_rows.ngram_rows])
    mean = rows[[subword.row for subword in subwords]].mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(vectors["walking"], mean, atol=1e-6)


def test_the_loss_falls_and_is_that_of_hidden_vectors(texts) -> None:  # type: ignore[no-untyped-def]
    for architecture in ("skipgram", "cbow"):
        for loss in ("negative-sampling", "hierarchical-softmax", "softmax"):
            model = firth.train(texts, **OPTIONS, architecture=architecture, loss=loss, heldout=0.1)
            assert model.history.loss_nats[-1] < model.history.guessing_loss_nats, (architecture, loss)
            assert model.history.heldout_loss_nats[-1] <= model.history.heldout_loss_nats[0] + 0.05


def test_a_folder_keeps_everything(model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model.save(tmp_path / "model")
    loaded = firth.load(tmp_path / "model")
    assert loaded.config == model.config
    for word in ("walking", "bending"):
        np.testing.assert_array_equal(loaded.vectors[word], model.vectors[word])
    assert loaded.vectors.subword_rows is not None
    assert isinstance(loaded.vectors.subword_rows.ngram_rows.base, np.memmap | np.ndarray)
    model.save(tmp_path / "half", storage="float16")
    np.testing.assert_allclose(firth.load(tmp_path / "half").vectors["bending"], model.vectors["bending"], atol=2e-3)
    table = firth.read_vectors(tmp_path / "model")
    firth.write_vectors(tmp_path / "model.bin", table)
    np.testing.assert_allclose(as_word_vectors(tmp_path / "model.bin")["bending"], model.vectors["bending"], atol=1e-6)


def test_rounds_do_not_depend_on_threads(texts) -> None:  # type: ignore[no-untyped-def]
    models = [firth.train(texts, **{**OPTIONS, "threads": threads}, deterministic=True) for threads in (1, 3)]
    np.testing.assert_array_equal(models[0].vectors.matrix, models[1].vectors.matrix)
    np.testing.assert_array_equal(models[0].vectors["bending"], models[1].vectors["bending"])


def test_a_run_that_was_cut_off_goes_on(texts, model, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    class Stop(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            if state.epoch == 2:
                raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        firth.train(texts, **OPTIONS, output=tmp_path / "run", checkpoint_every="1words", callbacks=[Stop()])
    resumed = firth.resume(tmp_path / "run", progress=False)
    np.testing.assert_array_equal(resumed.vectors.matrix, model.vectors.matrix)
    np.testing.assert_array_equal(resumed.vectors["bending"], model.vectors["bending"])
    assert resumed.config.buckets == model.config.buckets


def test_more_text_finds_the_ngrams_of_its_words(model) -> None:  # type: ignore[no-untyped-def]
    new = make_texts(60, 2, [*STEMS, "bend"])
    more = model.train_more(new, progress=False, epochs=1)
    assert "bending" in more.vectors
    assert more.config.buckets == model.config.buckets
    assert more.vectors.subword_rows is not None
    assert more.vectors.subword_rows.ngram_rows.shape == model.vectors.subword_rows.ngram_rows.shape
    still = model.train_more(new, progress=False, epochs=1, learning_rate=1e-30, min_learning_rate=0.0)
    known = list(model.vectors)
    np.testing.assert_allclose(still.vectors[known], model.vectors[known], atol=1e-6)
    np.testing.assert_allclose(still.vectors["lending"], model.vectors["lending"], atol=1e-6)
    # A new word begins at its n-grams, and a row of its own that is drawn.
    n_rows = len(still.vectors.subwords("bending"))
    expected = model.vectors["bending"] * (n_rows - 1) / n_rows
    np.testing.assert_allclose(still.vectors["bending"], expected, atol=0.5 / 12 / n_rows + 1e-6)


def test_frozen_words_keep_their_vectors(model) -> None:  # type: ignore[no-untyped-def]
    frozen = ["walking", "rivers"]
    more = model.train_more(make_texts(60, 2), progress=False, freeze=frozen)
    np.testing.assert_array_equal(more.vectors[frozen], model.vectors[frozen])
    assert np.abs(more.vectors["lamp"] - model.vectors["lamp"]).max() > 1e-4


def test_start_vectors_without_ngrams(texts) -> None:  # type: ignore[no-untyped-def]
    plain = firth.train(texts, **{**OPTIONS, "subwords": False})
    nothing = {"learning_rate": 1e-30, "min_learning_rate": 0.0, "epochs": 1}
    begun = firth.train(texts, **{**OPTIONS, **nothing}, initial_vectors=plain.vectors)
    np.testing.assert_allclose(begun.vectors[list(plain.vectors)], plain.vectors.matrix, atol=1e-5)


def test_start_vectors_with_ngrams(texts, model) -> None:  # type: ignore[no-untyped-def]
    nothing = {"learning_rate": 1e-30, "min_learning_rate": 0.0, "epochs": 1}
    begun = firth.train(texts, **{**OPTIONS, **nothing}, initial_vectors=model.vectors)
    np.testing.assert_allclose(begun.vectors["bending"], model.vectors["bending"], atol=1e-6)
    np.testing.assert_allclose(begun.vectors["walking"], model.vectors["walking"], atol=1e-6)


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_start_vectors_of_a_folder_without_a_training_record(texts, model, storage, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """`firth convert` writes such a folder: vectors and n-grams alone."""
    vectors = model.vectors
    table = firth.VectorTable(list(vectors.words), vectors.matrix, vectors.counts, vectors.subword_rows)
    firth.write_vectors(tmp_path / "folder", table, "firth", storage=storage)
    kept = firth.train(texts, **OPTIONS, initial_vectors=tmp_path / "folder", freeze=True)
    tolerance = 1e-6 if storage == "float32" else 2e-3
    np.testing.assert_allclose(kept.vectors["bending"], vectors["bending"], atol=tolerance)
    np.testing.assert_allclose(kept.vectors["walking"], vectors["walking"], atol=tolerance)
    np.testing.assert_allclose(firth.load(tmp_path / "folder")["bending"], vectors["bending"], atol=tolerance)


def test_other_ngrams_than_those_that_are_there_are_refused(texts, model) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ParameterError, match="min_ngram must be 3, as the n-grams of initial_vectors have it, got 2"):
        firth.train(texts, **OPTIONS, min_ngram=2, initial_vectors=model.vectors)
    with pytest.raises(ParameterError, match="buckets must be .* as the n-grams of initial_vectors have it, got 5"):
        firth.train(texts, **OPTIONS, buckets=5, initial_vectors=model.vectors)
    with pytest.raises(ParameterError, match="max_ngram must stay 6, as the model was trained, got 5"):
        model.train_more(texts, max_ngram=5, progress=False)
    plain = firth.train(texts, **{**OPTIONS, "subwords": False, "epochs": 1}, initial_vectors=model.vectors)
    assert plain.vectors.subword_rows is None


def test_ids_have_no_characters() -> None:
    with pytest.raises(ParameterError, match="subwords must be False where words are ids"):
        firth.train([[1, 2, 3], [2, 3, 1]], **OPTIONS)


def test_too_many_buckets_are_refused_before_memory_is_taken(texts, capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ParameterError, match=r"dims must fit .* words and 2,000,000,000 buckets of n-grams, which"):
        firth.train(texts, **{**OPTIONS, "dims": 300}, buckets=2_000_000_000)
    firth.train(texts, **{**OPTIONS, "progress": True, "epochs": 1}, buckets=1000)
    assert "two matrices (56 words and 1,000 buckets of n-grams)" in capsys.readouterr().err


def test_the_command(texts, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(" ".join(text) for text in texts), "utf-8")
    flags = ["--subwords", "--min-count", "1", "--dims", "8", "--epochs", "1", "--min-ngram", "2", "--buckets", "500"]
    result = CliRunner().invoke(app, ["train", str(corpus), "-o", str(tmp_path / "model"), *flags, "--json", "-q"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["vocabulary_size"] == 56
    config = firth.load(tmp_path / "model").config
    assert (config.min_ngram, config.max_ngram, config.buckets) == (2, 6, 500)
    result = CliRunner().invoke(app, ["neighbors", str(tmp_path / "model"), "bending", "--json"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "model"), str(tmp_path / "model.bin")])
    assert result.exit_code == 0, result.output
    assert "bending" not in firth.read_vectors(tmp_path / "model.bin", "fasttext-bin").words
    bad = ["--subwords", "--min-ngram", "7"]
    result = CliRunner().invoke(app, ["train", str(corpus), "-o", str(tmp_path / "other"), *bad])
    assert result.exit_code == 2


def test_the_page_is_true() -> None:
    page = Path(__file__).parents[2] / "docs" / "subwords.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 8
    assert failed == 0
