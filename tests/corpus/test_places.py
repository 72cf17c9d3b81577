"""Room tests/corpus: files at URLs are the same corpus as on the disk, and a connection that ends is an error.

The server of these tests is on this machine. Tests of a stand-in for S3 are slow, and need moto.
"""

from __future__ import annotations

import bz2
import gzip
import json
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_oracle import folder_bytes
from typer.testing import CliRunner

import firth
from firth.base import urls
from firth.cli.main import app
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, MissingExtraError, ParameterError, StorageError

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

LINES = b"".join(b"north east south %d\nwest \xe6\x97\xa5 north\n" % (number % 7) for number in range(3000))
TABLE = "".join(json.dumps({"id": 1, "text": line.decode()}) + "\n" for line in LINES.splitlines()).encode()


@dataclass
class Server:
    """Files of a web server, how it fails, and the requests that it got: (method, path, range) and their number."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    drop_after: int | None = None  # bytes of a body, then the connection ends
    length: bool = True  # whether it says how long a body is
    chunked: bool = False
    packed: bool = False  # sends bodies with Content-Encoding: gzip
    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    url: str = ""

    def bodies(self) -> int:
        """The requests for whole files."""
        return sum(n for (method, _, part), n in self.requests.items() if method == "GET" and not part)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server_state: Server, *arguments: Any) -> None:
        self.state = server_state
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        state, path = self.state, self.path.split("?")[0]
        wanted = self.headers.get("Range", "")
        state.requests[self.command, path, wanted] += 1
        if path.endswith("/"):
            names = [name for name in state.files if name.startswith(path)]
            body = "".join(f'<a href="{name}">{name}</a>\n' for name in names).encode()
            self._send(200, body, with_body, {"Content-Type": "text/html"})
            return
        if path not in state.files:
            self._send(404, b"no", with_body, {})
            return
        body = state.files[path]
        if wanted and state.ranges:
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            part = body[first : last + 1]
            self._send(206, part, with_body, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}"})
            return
        self._send(200, body, with_body, {} if state.ranges else {"Accept-Ranges": "none"})

    def _send(self, status: int, body: bytes, with_body: bool, headers: dict[str, str]) -> None:
        state = self.state
        if state.packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            headers = {**headers, "Content-Encoding": "gzip"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if state.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif state.length or status == 404:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
        self.end_headers()
        if not with_body:
            return
        sent = body if state.drop_after is None else body[: state.drop_after]
        if state.chunked:
            sent = b"%x\r\n%s\r\n" % (len(sent), sent) + (b"0\r\n\r\n" if state.drop_after is None else b"")
        try:
            self.wfile.write(sent)
        except ConnectionError:  # the reader has what it needs
            self.close_connection = True
        if state.drop_after is not None:
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, state)) as opened:
        thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{opened.server_port}"
        try:
            yield state
        finally:
            opened.shutdown()
            thread.join()


@pytest.fixture
def memory() -> Iterator[Callable[[str, bytes], str]]:
    files = fsspec.filesystem("memory")

    def put(name: str, data: bytes) -> str:
        files.pipe_file(f"/firth-test/{name}", data)
        return f"memory://firth-test/{name}"

    yield put
    if files.exists("/firth-test"):
        files.rm("/firth-test", recursive=True)


def _encoded(source: Any, folder: Path, **options: Any) -> dict[str, bytes]:
    firth.encode_corpus(source, folder=folder, min_count=1, **options)
    return folder_bytes(folder)


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    (tmp_path / "lines.txt").write_bytes(LINES)
    return _encoded(tmp_path / "lines.txt", tmp_path / "expected")


def _parquet(**options: Any) -> bytes:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": range(6000), "text": LINES.decode().split("\n")[:-1]}), sink, **options)
    return bytes(sink.getvalue())


def _arrow(make: str) -> bytes:
    pa = pytest.importorskip("pyarrow")
    sink = pa.BufferOutputStream()
    table = pa.table({"text": LINES.decode().split("\n")[:-1]})
    with getattr(pa.ipc, make)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return bytes(sink.getvalue())


CSV = b"id,text\n" + b"".join(b"1," + line + b"\n" for line in LINES.splitlines())
FILES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "a.txt": (lambda: LINES, None),
    "a.txt.gz": (lambda: gzip.compress(LINES), None),
    "packed-without-a-name": (lambda: bz2.compress(LINES), None),
    "a.parquet": (lambda: _parquet(row_group_size=700), "text"),
    "a.arrow": (lambda: _arrow("new_file"), "text"),
    "a.arrows": (lambda: _arrow("new_stream"), "text"),
    "a.jsonl": (lambda: TABLE, "text"),
    "a.jsonl.gz": (lambda: gzip.compress(TABLE), "text"),
    "a.csv": (lambda: CSV, "text"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_at_a_url_is_encoded_like_the_file_on_the_disk(
    name: str, server: Server, memory: Callable[[str, bytes], str], tmp_path: Path, expected: dict[str, bytes]
) -> None:
    make, column = FILES[name]
    data = make()
    server.files[f"/data/{name}"] = data
    (tmp_path / name).write_bytes(data)
    for number, url in enumerate(
        (f"{server.url}/data/{name}?version=2", memory(name, data), f"file://{tmp_path}/{name}", tmp_path / name)
    ):
        assert _encoded(url, tmp_path / f"e{number}", column=column) == expected, url


def test_training_requests_a_text_once_whatever_the_epochs(server: Server, tmp_path: Path) -> None:
    server.files["/a.txt"] = LINES
    model = firth.train(f"{server.url}/a.txt", output=tmp_path / "model", epochs=3, min_count=1, dims=4)
    assert model.corpus.n_tokens_read == len(LINES.split())
    assert server.bodies() == 1
    firth.learn_phrases(f"{server.url}/a.txt", passes=2, threshold=1)
    assert server.bodies() == 2


def test_the_commands_take_urls(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    server.files.update({"/a.txt": LINES, "/a.jsonl.gz": gzip.compress(TABLE)})
    (tmp_path / "a.txt").write_bytes(LINES)
    learned = ("--min-count", "1", "--dims", "4", "--seed", "7", "--threads", "1", "-q")
    _run("train", f"{server.url}/a.txt", "-o", "by-url", "--heldout", f"{server.url}/a.txt", *learned)
    _run("train", f"{server.url}/a.jsonl.gz", "--column", "text", "-o", "by-table", *learned)
    _run("train", "a.txt", "-o", "by-file", *learned)
    vectors = [firth.load(name).vectors.matrix for name in ("by-file", "by-url", "by-table")]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    _run("documents", "train", f"{server.url}/a.txt", "-o", "documents", "--dims", "4", "-q")
    assert firth.load("documents").corpus.n_sequences == 6000
    table = ("--threshold", "1", "-o", "phrases.txt", "--join", "joined.txt", "--overwrite", "-q")
    _run("phrases", f"{server.url}/a.jsonl.gz", "--column", "text", *table)
    by_url = (Path("phrases.txt").read_bytes(), Path("joined.txt").read_bytes())
    _run("phrases", "a.txt", *table)
    assert by_url == (Path("phrases.txt").read_bytes(), Path("joined.txt").read_bytes())


def _run(*arguments: str) -> None:
    done = CliRunner().invoke(app, arguments, prog_name="firth", catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_parquet_is_read_by_parts_and_not_twice(server: Server, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    sink = pa.BufferOutputStream()
    wide = rng.bytes(30 << 20)
    table = pa.table({"wide": [wide[i << 20 : (i + 1) << 20] for i in range(30)], "text": ["north east"] * 30})
    pq.write_table(table, sink, row_group_size=30, compression=None)
    server.files["/a.parquet"] = bytes(sink.getvalue())
    firth.encode_corpus(f"{server.url}/a.parquet", folder=tmp_path / "e", column="text", min_count=1)
    asked = 0
    for (method, _, part), n in server.requests.items():
        if method == "GET" and part:
            first, last = map(int, part.removeprefix("bytes=").split("-"))
            asked += n * (last - first + 1)
    assert 0 < asked < 20 << 20  # of 30 MiB: the column `wide` was not requested


def test_globs_and_lists_name_the_files_in_order(
    server: Server, memory: Callable[[str, bytes], str], tmp_path: Path, expected: dict[str, bytes]
) -> None:
    half = LINES.index(b"\n", len(LINES) // 2) + 1
    for name, data in (("b.txt", LINES[half:]), ("a.txt", LINES[:half]), ("c.md", b"not this file\n")):
        memory(f"sub/{name}", data)
        server.files[f"/sub/{name}"] = data
    (tmp_path / "a.txt").write_bytes(LINES[:half])
    for number, source in enumerate(
        (
            "memory://firth-test/sub/*.txt",
            f"{server.url}/sub/*.txt",
            [tmp_path / "a.txt", "memory://firth-test/sub/b.txt"],
            [Path("memory://firth-test/sub/a.txt"), f"{server.url}/sub/b.txt"],
        )
    ):
        assert _encoded(source, tmp_path / f"e{number}") == expected
    memory("sub/d.txt", b"")
    with pytest.warns(CorpusWarning, match=r"1 of 3 files are empty and left out: memory:///?firth-test/sub/d\.txt"):
        firth.encode_corpus("memory://firth-test/sub/*.txt", folder=tmp_path / "e", min_count=1)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", ["/a.txt", "/a.jsonl", "/a.txt.gz"])
def test_a_connection_that_ends_early_is_an_error_that_says_where(
    server: Server, tmp_path: Path, name: str, chunked: bool
) -> None:
    rng = np.random.default_rng(1)
    words = " ".join(map(str, rng.integers(0, 10**6, 400_000)))
    text = b"north east\n" * 100 + words.encode()
    server.files = {
        "/a.txt": text,
        "/a.txt.gz": gzip.compress(text),
        "/a.jsonl": b'{"text": "north"}\n' * 200_000,
    }
    server.chunked = chunked
    server.drop_after = 1_100_000
    column = "text" if name == "/a.jsonl" else None
    with pytest.raises(StorageError, match=rf"^{server.url}{name}: the connection ended at byte [\d,]+") as raised:
        firth.encode_corpus(f"{server.url}{name}", folder=tmp_path / "e", column=column, min_count=1)
    place = int(str(raised.value).split(" at byte ")[1].split(":")[0].split(" ")[0].replace(",", ""))
    assert 0 < place <= 1_100_000  # some of the last bytes may have been on the way
    assert not (tmp_path / "e").exists()


def test_a_parquet_file_whose_connection_ends_is_an_error_that_says_where(server: Server, tmp_path: Path) -> None:
    server.files["/a.parquet"] = _parquet(compression=None)
    server.drop_after = 20_000
    with pytest.raises(StorageError, match=rf"^{server.url}/a\.parquet: the connection ended at byte \d"):
        firth.encode_corpus(f"{server.url}/a.parquet", folder=tmp_path / "e", column="text")


def test_a_file_that_shrinks_while_it_is_read_is_an_error(memory: Callable[[str, bytes], str], tmp_path: Path) -> None:
    url = memory("a.txt", LINES)
    (place,) = firth.corpus.places.find_places(url)
    memory("a.txt", LINES[:1000])
    with pytest.raises(StorageError, match=rf"{url}: the connection ended at byte 1,000 of {len(LINES):,}; run again"):
        list(place.blocks())
    memory("a.txt", b"")
    with pytest.raises(StorageError, match="ended at byte 0 of"):
        list(place.blocks())


def test_a_server_that_does_not_say_the_length_is_refused(server: Server, tmp_path: Path) -> None:
    server.files["/a.txt"] = LINES
    server.length = False
    with pytest.raises(StorageError, match=r"a\.txt: the server does not say how long the text is.*download the file"):
        firth.encode_corpus(f"{server.url}/a.txt", folder=tmp_path / "e")


def test_bodies_that_the_server_packs_are_unpacked(server: Server, tmp_path: Path, expected: dict[str, bytes]) -> None:
    server.files["/a.txt"] = LINES
    server.packed = True
    assert _encoded(f"{server.url}/a.txt", tmp_path / "e") == expected


def test_parquet_needs_a_server_that_sends_parts(server: Server, tmp_path: Path) -> None:
    server.files["/a.parquet"] = _parquet()
    server.ranges = False
    with pytest.raises(StorageError, match=r"this server sends only whole files; download the file first"):
        firth.encode_corpus(f"{server.url}/a.parquet", folder=tmp_path / "e", column="text")


def test_places_without_a_file_are_errors_before_any_work(
    server: Server, memory: Callable[[str, bytes], str], tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/a.txt"
        server.files["/a.txt"] = LINES
        memory("folder/a.txt", LINES)
        for url, message in (
            (f"{server.url}/b.txt", "b.txt: no such file"),
            ("memory://firth-test/b.txt", "b.txt: no such file"),
            ("memory://firth-test/*.csv", "csv: no file matches"),
            (f"{server.url}/*.csv", "csv: no file matches"),
            (
                "memory://firth-test/folder",
                "is a folder, not a file; to read the files in it pass memory://.*/folder/*",
            ),
            (closed, r"a\.txt: cannot be reached: ClientConnectorError: Cannot connect"),
            ("nowhere://a.txt", "fsspec knows no place of the kind 'nowhere'; give a path, or a URL such as"),
            ("file:///no/such.txt", "/no/such.txt: no such file"),
        ):
            with pytest.raises(StorageError, match=message):
                firth.train([f"{server.url}/a.txt", url], output=tmp_path / "model")
            with pytest.raises(ParameterError, match="heldout must be a share"):
                firth.train([["north"]], output=tmp_path / "model", heldout=url)
    assert server.bodies() == 0 or all(path != "/a.txt" for (method, path, _) in server.requests if method == "GET")
    assert not (tmp_path / "model").exists()
    for other, message in ((b"<!doctype html><html>", "is HTML, not plain text"), (TABLE, "is JSON lines")):
        server.files["/c"] = other
        with pytest.raises(CorpusError, match=message):
            firth.encode_corpus(f"{server.url}/c", folder=tmp_path / "e")


def test_columns_of_urls_have_the_errors_of_columns_of_files(
    server: Server, memory: Callable[[str, bytes], str], tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    urls_of_tables = [memory("a.parquet", _parquet()), memory("a.jsonl", TABLE), memory("a.csv", CSV)]
    for url in urls_of_tables:
        with pytest.raises(CorpusError, match=rf"column must be a column of {url}, got 'body'; the columns are 'id',"):
            firth.encode_corpus(url, folder=tmp_path / "e", column="body")
    with pytest.raises(CorpusTypeError, match=r"whose type is int64; name another column"):
        firth.encode_corpus(urls_of_tables[0], folder=tmp_path / "e", column="id")
    lists = memory("lists.jsonl", b'{"text": ["north", "east"]}\n')
    with pytest.raises(CorpusTypeError, match=rf"must have one type in all files, got .*{urls_of_tables[1]}.*{lists}"):
        firth.encode_corpus([urls_of_tables[1], lists], folder=tmp_path / "e", column="text")
    assert firth.encode_corpus(lists, folder=tmp_path / "e", column="text", min_count=1).n_tokens == 2


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(MissingExtraError, match=r"to read s3://b/a\.txt .*pip install 'firth\[cloud\]'"):
            firth.encode_corpus("s3://b/a.txt", folder=tmp_path / "e")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[cloud\]'"):
        firth.encode_corpus("s3://b/a.txt", folder=tmp_path / "e")
    with pytest.raises(MissingExtraError, match="another package is needed: .*paramiko"):
        firth.encode_corpus("sftp://b/a.txt", folder=tmp_path / "e")


def test_an_open_file_of_fsspec_is_a_corpus(
    memory: Callable[[str, bytes], str], tmp_path: Path, expected: dict[str, bytes]
) -> None:
    with fsspec.open(memory("a.txt", LINES), "rb") as file:
        assert _encoded(file, tmp_path / "e") == expected


def test_urls_in_a_list_with_a_tokenizer_are_not_read_as_texts(
    memory: Callable[[str, bytes], str], tmp_path: Path, expected: dict[str, bytes]
) -> None:
    url = memory("a.txt", LINES)
    with pytest.raises(CorpusTypeError, match=r"got names of files, such as 'memory://.*pass pathlib\.Path"):
        firth.encode_corpus([url], folder=tmp_path / "e", tokenizer=str.split)
    assert _encoded([Path(url)], tmp_path / "e", tokenizer=str.split)["ids.i32"] == expected["ids.i32"]


def test_models_and_vectors_are_read_and_written_on_this_machine() -> None:
    vectors = firth.WordVectors(["a"], np.ones((1, 2), np.float32))
    url = "s3://bucket/model"
    for call in (
        lambda: firth.load(url),
        lambda: firth.read_vectors(url + ".vec"),
        lambda: firth.write_vectors(url + ".vec", vectors),
        lambda: vectors.save(url),
        lambda: firth.train([["a", "b"]], output=url),
        lambda: firth.encode_corpus([["a", "b"]], folder=url),
        lambda: firth.EncodedCorpus(url),
    ):
        with pytest.raises(StorageError, match=r"s3://bucket/model.* must be a path of this machine, got a URL; \w+"):
            call()
    assert not Path("s3:").exists()


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("s3://bucket/a b.txt", "s3://bucket/a b.txt"),
        ("zip://a.txt::https://host/a.zip", "zip://a.txt::https://host/a.zip"),
        (Path("hf://datasets/a/b.parquet"), "hf://datasets/a/b.parquet"),
        ("s3:/bucket/a.txt", None),
        ("C:/a.txt", None),
        (Path("C:/a.txt"), None),
        (Path("s3:"), None),
        ("read https://host", None),
        ("a/b", None),
        (3, None),
    ],
)
def test_urls_are_recognised(path: Any, url: str | None) -> None:
    assert urls.url_of(path) == url


def test_a_place_inside_an_archive_is_read(tmp_path: Path, expected: dict[str, bytes]) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.txt", LINES)
    assert _encoded(f"zip://in/a.txt::file://{tmp_path}/a.zip", tmp_path / "e") == expected
    assert _encoded(f"zip://in/*.txt::file://{tmp_path}/a.zip", tmp_path / "e") == expected
