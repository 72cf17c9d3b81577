"""Every JSON that firth reads, with every value in it replaced by every wrong one: read, or refused by a FirthError.

Files are made once; each case is a load in this process. Nothing else than a FirthError may come out, and none of the
values that load may break what shows them.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import itertools
import json
import math
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.compat.gensim import store
from firth.compat.gensim.models import KeyedVectors, Word2Vec
from firth.corpus.encoded import EncodedCorpus
from firth.errors import FirthError
from firth.estimators.text_classifier import TextClassifier
from firth.formats.model_vectors import read_table
from firth.formats.registry import read_vectors
from firth.formats.source import ReadOptions
from firth.training.loop.checkpoints import read_checkpoint
from firth.training.run import resume as resume_module
from firth.training.run.prepared import InstructionSetWarning
from firth.vectors.word_vectors import WordVectors

DEEP, LESS_DEEP = "[" * 900 + "]" * 900, "[" * 30 + "]" * 30
# as JSON texts, as Python cannot hold some of them
WRONG = [
    *("null", "true", "-1", "0", "1e400", "NaN", '""', '"x"', "[]", "{}", str(2**63), str(10**400), DEEP),
    *(
        '"' + "y" * 5000 + '"',
        "1.5",
        "[[]]",
        '{"a": {"b": [1]}}',
        '"\\ud800"',
        "-1e-400",
        str(2**64 - 1),
        "-Infinity",
        LESS_DEEP,
    ),
]
_MARK = "the-value-that-is-replaced"
SENTENCES = [["the", "north", "wind", "and", "the", "sun"], ["the", "sun", "and", "the", "wind", "blow"]] * 20


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value stands, objects and lists included."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def changed(whole: Any) -> Iterator[tuple[str, bytes]]:
    """The JSON with one value replaced, or one key taken away, and what was done."""
    for path in places(whole):
        copied: Any = copy.deepcopy(whole)
        parent = copied
        for key in path[:-1]:
            parent = parent[key]
        if path:
            parent[path[-1]] = _MARK
        text = json.dumps(copied if path else _MARK)
        for wrong in WRONG:
            yield f"{path} = {wrong[:40]}", text.replace(f'"{_MARK}"', wrong).encode()
        if path and isinstance(parent, dict):
            del parent[path[-1]]
            yield f"without {path}", json.dumps(copied).encode()


def try_all(
    path: Path, load: Callable[[], object], write: Callable[[bytes], None] | None = None, step: int = 1
) -> None:
    """Put every changed JSON, or one in ``step``, in the place of a file and load; the file is whole again afterwards.

    Every value meets some of the wrong ones, and all of them are met: ``step`` and their number have no common factor.
    """
    assert math.gcd(step, len(WRONG) + 1) == 1
    good = path.read_bytes()
    load()
    n_refused = n_tried = 0
    escaped: list[str] = []
    try:
        for what, data in itertools.islice(changed(json.loads(good)), 0, None, step):
            (write or path.write_bytes)(data)
            n_tried += 1
            try:
                load()
            except FirthError as error:
                n_refused += 1
                if not str(error):
                    escaped.append(f"{what}: an error without a message")
            except Exception as error:
                escaped.append(f"{what}: {type(error).__name__}: {error!s:.100}")
    finally:
        path.write_bytes(good)
    assert not escaped, f"{len(escaped)} of {n_tried}: " + "; ".join(escaped[:40])
    assert n_refused > 0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaves") / "model"
    options: dict[str, Any] = {"min_count": 1, "dims": 3, "epochs": 1, "subsample": 0, "threads": 1, "progress": False}
    trained = firth.train(SENTENCES, **options, heldout=0.1, patience=1)
    trained.save(folder)
    return folder


def show(path: Path) -> None:
    from firth.cli.info import _describe_model, _flatten
    from firth.cli.reading import _without_nan

    record = _describe_model(path)
    _flatten(record)
    json.dumps(_without_nan(record)).encode()
    repr(firth.load(path))


def test_the_config_of_a_model(model: Path) -> None:
    try_all(model / "config.json", lambda: show(model), step=3)


def test_the_config_of_vectors_alone(model: Path) -> None:
    try_all(model / "config.json", lambda: read_table(model, ReadOptions()), step=13)


def safetensors_of(folder: Path) -> Path:
    (path,) = folder.glob("model-*.safetensors")
    return path


def test_the_header_of_the_tensors(model: Path) -> None:
    tensors, config = safetensors_of(model), model / "config.json"
    whole, good_config = tensors.read_bytes(), config.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    (header := model / "header.json").write_bytes(whole[8 : 8 + length])

    def write(data: bytes) -> None:
        damaged = struct.pack("<Q", len(data)) + data + whole[8 + length :]
        tensors.write_bytes(damaged)
        record = json.loads(good_config)
        record["tensors"].update(bytes=len(damaged), sha256=hashlib.sha256(damaged).hexdigest())
        config.write_text(json.dumps(record))

    try:
        try_all(header, lambda: (firth.load(model), read_table(model, ReadOptions())), write, step=7)
    finally:
        tensors.write_bytes(whole)
        config.write_bytes(good_config)
        header.unlink()


@pytest.mark.parametrize("name", ["input_vectors", "output_vectors"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_of_a_model_that_are_none(name: str, value: float, model: Path, tmp_path: Path) -> None:
    from firth.formats.model_folder import read_model_folder, write_model_folder

    config, tensors = read_model_folder(model)
    changed_tensor = np.array(tensors[name])
    changed_tensor[1, 2] = value
    write_model_folder(tmp_path / "m", {**tensors, name: changed_tensor}, config)
    with pytest.raises(FirthError, match=rf"row 2: the tensor '{name}' holds a NaN or an infinity"):
        firth.load(tmp_path / "m")
    if name == "input_vectors":
        with pytest.raises(FirthError, match="row 2: the vector must be finite, got a NaN or an infinity"):
            read_vectors(tmp_path / "m")
        assert len(read_vectors(tmp_path / "m", limit=1)) == 1


@pytest.mark.parametrize("counts", [[-1], [2**62]])
def test_counts_of_a_model(counts: list[int], model: Path, tmp_path: Path) -> None:
    from firth.formats.model_folder import read_model_folder, write_model_folder

    config, tensors = read_model_folder(model)
    changed_counts = np.array(tensors["counts"])
    changed_counts[: len(counts)] = counts
    write_model_folder(tmp_path / "m", {**tensors, "counts": changed_counts}, config)
    for load in (firth.load, lambda path: read_vectors(path)):
        if counts[0] >= 0:
            load(tmp_path / "m")
            continue
        with pytest.raises(FirthError, match=r"count(s)? must (not be negative|be at least 0), got -1"):
            load(tmp_path / "m")


def test_the_record_of_a_run_and_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise Stop

    output = tmp_path / "run"
    options: dict[str, Any] = {"min_count": 1, "dims": 3, "epochs": 2, "threads": 1, "progress": False}

    class StopsLater(firth.Callback):
        def on_epoch_end(self, *_: object) -> None:
            raise Stop

    with pytest.raises(Stop):
        firth.train(SENTENCES, output=output, checkpoint_every=1, callbacks=[StopsLater()], **options)
    work = output / ".work"
    record = json.loads((work / "run.json").read_text())
    try_all(
        work / "checkpoint" / "config.json", lambda: read_checkpoint(work / "checkpoint", record["identity"]), step=5
    )
    monkeypatch.setattr(resume_module, "read_checkpoint", lambda *_: None)
    monkeypatch.setattr(resume_module, "PreparedRun", stop)

    def resume() -> None:
        with pytest.raises(Stop):
            firth.resume(output, progress=False)

    def resume_or_refuse() -> None:
        with contextlib.suppress(Stop), warnings.catch_warnings():
            warnings.simplefilter("ignore", InstructionSetWarning)  # any text may be one of another machine
            firth.resume(output, progress=False)

    resume()
    try_all(work / "run.json", resume_or_refuse, step=3)


def test_the_manifest_of_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(map(" ".join, SENTENCES)))
    firth.encode_corpus(str(tmp_path / "text"), folder=tmp_path / "corpus", min_count=1)

    def load() -> None:
        corpus = EncodedCorpus(tmp_path / "corpus")
        repr(corpus)
        _ = corpus.n_tokens_read + corpus.n_distinct_words, corpus.sha256, corpus.vocabulary

    try_all(tmp_path / "corpus" / "corpus.json", load, step=3)


def test_the_config_of_a_classifier(tmp_path: Path) -> None:
    vectors = WordVectors(["good", "bad", "film"], np.eye(3, dtype=np.float32))
    TextClassifier(vectors).fit(["good film", "bad film"] * 4, ["pos", "neg"] * 4).save(tmp_path / "model")
    texts = ["good bad", "film"]

    def load() -> None:
        loaded = TextClassifier.load(tmp_path / "model")
        assert len(loaded.predict(texts)) == 2
        repr(loaded.network)

    try_all(tmp_path / "model" / "config.json", load, step=3)


@pytest.mark.parametrize("kind", [Word2Vec, KeyedVectors])
def test_the_state_of_gensims_names(kind: Any, tmp_path: Path) -> None:
    model = Word2Vec(SENTENCES, vector_size=3, min_count=1, epochs=1, workers=1)
    path, state_path = tmp_path / "model", tmp_path / "state.json"
    (model if kind is Word2Vec else model.wv).save(str(path))
    _, tensors = store.read_file(path)
    arrays = {name: np.array(tensor) for name, tensor in tensors.items()}
    whole = path.read_bytes()
    header_bytes = 8 + int.from_bytes(whole[:8], "little")
    (begin, end) = json.loads(whole[8:header_bytes])[store.STATE]["data_offsets"]
    state_path.write_bytes(whole[header_bytes + begin : header_bytes + end])

    def write(data: bytes) -> None:
        header, order = store.encode_safetensors_header({**arrays, store.STATE: np.frombuffer(data, np.uint8)})
        both = {**arrays, store.STATE: np.frombuffer(data, np.uint8)}
        path.write_bytes(header + b"".join(both[name].tobytes() for name in order))

    try_all(state_path, lambda: kind.load(str(path)), write, step=3)
