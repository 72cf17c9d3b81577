"""Room tests/corpus: the encoded corpus on disk: checksums, tampering, full disks, folders that cannot be written."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from corpus_oracle import folder_bytes

from firth.corpus import EncodedCorpus, Vocabulary, encode_corpus, encoded
from firth.errors import CorpusError, FirthError, FormatError, StorageError

TEXT = b"the cat sat\non the mat\n" * 100


def test_reopening(encode) -> None:
    corpus = encode(TEXT, heldout_share=0.2)
    again = EncodedCorpus(corpus.folder)
    again.verify()
    assert again.vocabulary == corpus.vocabulary
    assert np.array_equal(again.ids, corpus.ids)
    assert np.array_equal(again.heldout_offsets, corpus.heldout_offsets)
    assert again.sha256 == corpus.sha256
    assert again.n_distinct_words == 5
    assert not again.ids.flags.writeable
    assert "tokens, 200 sequences, 5 words" in repr(again)


def test_checksum_tells_corpora_apart(encode) -> None:
    reference = encode(TEXT).sha256
    assert encode(TEXT).sha256 == reference
    assert encode(TEXT[:-1]).sha256 == reference  # the same sequences
    assert encode(TEXT + b"\n").sha256 != reference
    assert encode(TEXT + b"the").sha256 != reference


@pytest.mark.parametrize(
    "name", ["ids.i32", "offsets.i64", "ids-heldout.i32", "offsets-heldout.i64", "vocabulary.safetensors"]
)
def test_every_changed_bit_is_seen(encode, name: str) -> None:
    corpus = encode(TEXT, heldout_share=0.2)
    path = corpus.folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=f"{name} was changed since the corpus was encoded"):
        EncodedCorpus(corpus.folder).verify()
    path.write_bytes(data[:-4])
    with pytest.raises(FormatError, match=f"{name}: must have .* bytes"):
        EncodedCorpus(corpus.folder)
    path.unlink()
    with pytest.raises(StorageError, match=name):
        EncodedCorpus(corpus.folder)


def test_checksum_in_blocks_does_not_depend_on_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "HASH_BLOCK_BYTES", 1000)
    path = tmp_path / "data"
    for size in (0, 1, 999, 1000, 1001, 123_456):
        path.write_bytes(os.urandom(size))
        assert encoded.hash_file(path, threads=1) == encoded.hash_file(path, threads=5)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ids.i32", np.array([0, 1, 2], np.int32), r"ids must lie in \[0, 2\)"),
        ("ids.i32", np.array([0, -1, 1], np.int32), r"ids must lie in \[0, 2\)"),
        ("offsets.i64", np.array([0, 3, 2], np.int64), "offsets must rise from 0 to 3"),
        ("offsets.i64", np.array([0, 5, 3], np.int64), "offsets must rise from 0 to 3"),
        ("offsets.i64", np.array([1, 2, 3], np.int64), "offsets must rise from 0 to 3"),
    ],
)
def test_a_forged_corpus_with_the_right_checksums(encode, name: str, values: np.ndarray, message: str) -> None:
    corpus = encode([["a", "b"], ["a"]])
    values.tofile(corpus.folder / name)
    fields = {key: corpus.manifest[key] for key in ("n_tokens_read", "n_distinct_words")}
    encoded.write_manifest(corpus.folder, fields, threads=1)
    with pytest.raises(FormatError, match=message):
        EncodedCorpus(corpus.folder).verify()


def _change(manifest: dict, **fields: object) -> str:
    return json.dumps({**manifest, **fields})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: "{", "not JSON"),
        (lambda m: "[]", "this is not an encoded corpus"),
        (lambda m: "\x00", "not JSON"),
        (lambda m: _change(m, format="other"), "this is not an encoded corpus"),
        (lambda m: _change(m, version=2), "version 2 cannot be read by this firth"),
        (lambda m: _change(m, files={}), '"files" must name'),
        (lambda m: _change(m, files={**m["files"], "../x": {"bytes": 1, "sha256": ""}}), "unknown file '../x'"),
        (lambda m: _change(m, files={**m["files"], "ids.i32": 3}), "the entry of ids.i32 must have bytes and sha256"),
        (lambda m: _change(m, n_tokens_read="many"), '"n_tokens_read" must be an integer'),
        (lambda m: _change(m, sha256="0"), '"sha256" does not match'),
    ],
)
def test_damaged_manifests(encode, change, message: str) -> None:
    corpus = encode(TEXT)
    path = corpus.folder / "corpus.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(FormatError, match=message):
        EncodedCorpus(corpus.folder)


def test_a_folder_that_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not an encoded corpus: it has no corpus.json"):
        EncodedCorpus(tmp_path)


def test_encoding_again_replaces_the_corpus_and_leaves_other_files(encode, tmp_path: Path) -> None:
    first = encode(TEXT, heldout_share=0.2)
    (first.folder / "mine.txt").write_text("stays")
    second = encode_corpus([["a", "b"]], folder=first.folder, min_count=1)
    assert second.vocabulary.word_list() == ["a", "b"]
    assert sorted(folder_bytes(first.folder)) == [
        "corpus.json", "ids.i32", "mine.txt", "offsets.i64", "vocabulary.safetensors",
    ]  # fmt: skip
    before = folder_bytes(first.folder)
    with pytest.raises(CorpusError):
        encode_corpus([["a", "b"]], folder=first.folder, min_count=5)
    assert folder_bytes(first.folder) == before, "the corpus that was there stays whole"
    EncodedCorpus(first.folder).verify()


def test_folders_are_made_and_removed_on_failure(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    with pytest.raises(CorpusError):
        encode_corpus([["a"]], folder=folder, min_count=2)
    assert not list(tmp_path.iterdir())
    encode_corpus([["a"]], folder=folder, min_count=1)
    (tmp_path / "file").write_text("x")
    for bad in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(StorageError, match="cannot be written"):
            encode_corpus([["a"]], folder=bad, min_count=1)


_WITHOUT_RIGHTS = """
import os, sys
from firth.corpus import encode_corpus
from firth.errors import StorageError
if os.geteuid() == 0:  # root may read and write everything
    os.setgid(65534)
    os.setuid(65534)
root = sys.argv[1]
for source, place in ((root + "/secret.txt", "/open/out"), ([["a"]], "/closed/out")):
    try:
        encode_corpus(source, folder=root + place, min_count=1)
    except StorageError as error:
        print(error)
"""


def test_files_and_folders_without_permission() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        (folder / "closed").mkdir(mode=0o500)
        (folder / "secret.txt").write_bytes(b"a")
        (folder / "secret.txt").chmod(0)
        command = [sys.executable, "-c", _WITHOUT_RIGHTS, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = done.stdout.splitlines()
        assert told == [
            f"{name}/secret.txt: cannot be read: Permission denied",
            f"[Errno {errno.EACCES}] {name}/closed/out cannot be written: no permission to write there; choose another"
            " folder",
        ]
        assert not list((folder / "open").iterdir())


def test_too_little_disk_is_told_before(encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(StorageError, match=r"encoding needs about .* bytes of disk, .* but only 1,000 are free"):
        encode(TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["text-0.txt"]


_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails with EFBIG, as a full disk does with ENOSPC
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
from firth.corpus import encode_corpus
from firth.errors import StorageError
source = sys.argv[1] if sys.argv[4] == "file" else (line.split() for line in open(sys.argv[1]))
try:
    encode_corpus(source, folder=sys.argv[2], min_count=1, chunk_bytes=5000)
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["file", "tokens"])
@pytest.mark.parametrize("limit", [0, 100, 3000])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, kind: str, limit: int) -> None:
    (tmp_path / "text").write_bytes(TEXT * 4)
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, tmp_path / "text", out, str(limit), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    told = (os.strerror(errno.EFBIG), "the file would be larger than this process or file system allows")
    assert any(text in done.stdout for text in told), done  # by the native core, or by Python
    assert not out.exists()


def test_errors_of_storage_are_oserrors() -> None:
    assert issubclass(StorageError, OSError)
    assert issubclass(StorageError, FirthError)


_KILLED = """
import os, signal, sys
from firth.corpus import encode_corpus
def progress(stage, done, total):
    if stage == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
encode_corpus(sys.argv[1], folder=sys.argv[2], min_count=1, progress=progress)
"""


@pytest.mark.parametrize("stage", ["count", "encode"])
def test_kill_leaves_no_corpus_and_no_spool(tmp_path: Path, stage: str) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    subprocess.run([sys.executable, "-c", _KILLED, tmp_path / "text", tmp_path / "out", stage], check=False)
    (left,) = (tmp_path / "out").iterdir()
    assert re.fullmatch(r"\.corpus\.[0-9a-f]{12}\.tmp", left.name)
    assert {path.name for path in left.iterdir()} <= {"ids.i32", "offsets.i64", "firth-work.json"}
    with pytest.raises(StorageError, match="is not an encoded corpus"):
        EncodedCorpus(tmp_path / "out")
    encode_corpus(tmp_path / "text", folder=tmp_path / "out", min_count=1).verify()
    assert not left.exists(), "the next encoding deletes what the killed one left"


@pytest.mark.parametrize("name", ["ids.i32", "vocabulary.safetensors", "corpus.json"])
def test_files_that_firth_did_not_write_are_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(StorageError, match=f"has '{name}', which is not part of a corpus that firth encoded"):
        encode_corpus([["a", "b"]], folder=tmp_path, min_count=1)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_corpus_cut_in_half_while_it_is_moved_is_told_and_replaced(
    encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = encode(TEXT).folder
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(target).name == "offsets.i64":
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(StorageError, match="Input/output error"):
        encode_corpus([["a", "b"]], folder=folder, min_count=1)
    monkeypatch.undo()
    with pytest.raises(StorageError, match="the encoding was interrupted; encode the corpus again"):
        EncodedCorpus(folder)
    encode_corpus([["a", "b"]], folder=folder, min_count=1).verify()


def test_an_encoded_corpus_keeps_its_modes_when_it_is_replaced(encode) -> None:
    folder = encode(TEXT).folder
    for path in folder.iterdir():
        path.chmod(0o600)
    encode_corpus([["a", "b"]], folder=folder, min_count=1)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_vocabulary_is_saved_through_a_link_and_keeps_its_mode(encode, tmp_path: Path) -> None:
    vocabulary = encode(TEXT).vocabulary
    (tmp_path / "v.txt").write_text("old")
    (tmp_path / "v.txt").chmod(0o600)
    (tmp_path / "v.txt.part").write_text("mine")
    (tmp_path / "link.txt").symlink_to("v.txt")
    vocabulary.save(tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert Vocabulary.load(tmp_path / "v.txt") == vocabulary
    assert (tmp_path / "v.txt").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "v.txt.part").read_text() == "mine"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="must be a regular file, got a pipe"):
        vocabulary.save(tmp_path / "pipe")
