"""Room corpus: files at URLs, by the library fsspec: ``s3://``, ``gs://``, ``hf://``, ``https://``, ``memory://``.

A file is read from its start to its end, in one stream; Parquet and Arrow files are read at any byte. The size that the
place tells is compared with the bytes that arrived, so a connection that ends early is an error.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from firth.base.compression import COMPRESSED_SUFFIXES
from firth.corpus.blocks import read_blocks
from firth.errors import FirthError, MissingExtraError, StorageError

_IN_EXTRA = ("s3", "s3a", "gs", "gcs", "hf", "http", "https")  # the packages of these are in the extra `cloud`
_WEB = ("http", "https")
_CONNECT_S, _SILENCE_S = 30, 300  # seconds until a web server must answer, and must send the next byte


@dataclass(frozen=True)
class Place:
    """A file at a URL. ``n_bytes`` is its size, or None if the place does not tell it."""

    url: str
    n_bytes: int | None
    _files: Any = field(repr=False)  # the file system of fsspec
    _path: str = field(repr=False)

    @property
    def suffixes(self) -> list[str]:
        """The endings of the file's name in lower case, without the query of a URL: ``[".jsonl", ".gz"]``."""
        name = self._path.split("?")[0].split("#")[0].rsplit("/", 1)[-1]
        return ["." + ending for ending in name.lower().split(".")[1:]]

    @property
    def compression(self) -> str | None:
        """The compression that the name says."""
        return COMPRESSED_SUFFIXES.get(self.suffixes[-1]) if self.suffixes else None

    def stream(self) -> PlaceStream:
        """Open the file to read it from its start to its end.

        Raises
        ------
        StorageError
            The file cannot be opened; also while reading, if the connection ends early.
        """
        with _errors_of(self.url):
            # A web file in one request; other files in blocks, whose size their libraries choose.
            file = self._files.open(self._path, "rb", **({"block_size": 0} if self._is_web else {}))
            return PlaceStream(self, file)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the file, decompressed if its first bytes are of a compressed file."""
        with self.stream() as file:
            yield from read_blocks(file, self.url)

    def head(self, n_bytes: int) -> bytes:
        """The first bytes of the file, without the rest."""
        with _errors_of(self.url):
            file = self._files.open(self._path, "rb", block_size=0 if self._is_web else n_bytes)
            with PlaceStream(self, file) as stream:
                return stream.read(n_bytes)

    def seekable(self) -> io.RawIOBase:
        """Open the file to read it at any byte.

        Raises
        ------
        StorageError
            The file cannot be opened, or the server cannot send a part of a file.
        """
        with _errors_of(self.url):
            file = self._files.open(self._path, "rb")
        if self.n_bytes is None or not _can_seek(file):
            file.close()
            raise StorageError(
                f"{self.url}: Parquet and Arrow files are read at any byte, and this server sends only whole files;"
                " download the file first"
            )
        return _SeekableFile(self.url, file)

    @property
    def _is_web(self) -> bool:
        return "http" in self._files.protocol


def find_places(url: str) -> list[Place]:
    """The file at a URL, or the files that a glob matches, sorted by name.

    Raises
    ------
    StorageError
        No file is there, the place is a folder, or it cannot be reached; fsspec knows no such protocol.
    MissingExtraError
        The package that reads this kind of place is not installed.
    """
    files, path = _open_place(url)
    with _errors_of(url):
        try:
            info = files.info(path)
        except FileNotFoundError as error:
            is_glob = _is_glob(url, path)
            if not is_glob:
                raise StorageError(_missing_message(url, error)) from error
            found = files.glob(path, detail=True)
            if not found:
                raise StorageError(f"{url}: no file matches") from None
            infos = [found[name] for name in sorted(found)]
            listed = [one for one in infos if one.get("type") != "directory"]
            if not listed:
                raise StorageError(
                    f"{url} must match files, got only folders; add /* to read the files in them"
                ) from None
            # A listing of a web folder tells no sizes.
            listed = [one if one.get("size") is not None else files.info(one["name"]) for one in listed]
            return [Place(_full_url(files, url, one["name"]), one.get("size"), files, one["name"]) for one in listed]
        if info.get("type") == "directory":
            raise StorageError(f"{url} is a folder, not a file; to read the files in it pass {url.rstrip('/')}/*")
        return [Place(url, info.get("size"), files, path)]


class PlaceStream(io.RawIOBase):
    """The bytes of a place from its start. Reading raises StorageError with the URL and the byte if they end early."""

    def __init__(self, place: Place, file: Any) -> None:
        self._place, self._file = place, file
        self.n_read = 0
        response = getattr(file, "r", None)  # of a web file
        headers = getattr(response, "headers", {})
        # The size in the header is that of the compressed bytes, and the library yields decompressed bytes.
        is_packed = headers.get("Content-Encoding", "identity") not in ("", "identity")
        self._size = None if is_packed else place.n_bytes
        if response is not None and not (headers.get("Content-Length") or headers.get("Transfer-Encoding")):
            file.close()
            raise StorageError(
                f"{place.url}: the server does not say how long the text is, so a connection that ends early could not"
                " be recognised; download the file first"
            )

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end of the file; -1 reads all."""
        parts: list[bytes] = []
        wanted = size
        while wanted != 0:
            with _errors_of(self._place.url, self):
                part = self._file.read(wanted)
            if not part:
                if self._size is not None and self.n_read != self._size:
                    raise StorageError(
                        f"{self._place.url}: the connection ended at byte {self.n_read:,} of {self._size:,}; run again"
                    )
                break
            self.n_read += len(part)
            parts.append(part)
            if size >= 0:
                wanted -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _SeekableFile(io.RawIOBase):
    """A file of fsspec that can seek, whose errors name the URL and the byte."""

    def __init__(self, url: str, file: Any) -> None:
        self._url, self._file = url, file

    @property
    def n_read(self) -> int:
        return int(self._file.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._file.seek(offset, whence)
        return self.n_read

    def tell(self) -> int:
        return self.n_read

    def read(self, size: int = -1) -> bytes:
        begin = self.n_read
        with _errors_of(self._url, self):
            data: bytes = self._file.read(size)
        expected = self._file.size - begin if size < 0 else min(size, self._file.size - begin)
        if len(data) < expected:
            raise StorageError(
                f"{self._url}: the connection ended at byte {begin + len(data):,} of {self._file.size:,}; run again"
            )
        return data

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _open_place(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    protocol = re.split("::|://", url, maxsplit=1)[0].lower()
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError:
        raise _missing_extra(url) from None
    options: dict[str, Any] = {}
    try:
        if protocol in _WEB and "client_kwargs" not in fsspec.config.conf.get(protocol, {}):
            from aiohttp import ClientTimeout

            # aiohttp's default ends any download after five minutes
            timeout = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
            options["client_kwargs"] = {"timeout": timeout}
        files, path = url_to_fs(url, **options)
    except ImportError as error:
        if protocol in _IN_EXTRA:
            raise _missing_extra(url) from error
        raise MissingExtraError(f"to read {url} another package is needed: {error}") from error
    except Exception as error:  # of the library for this place: no credentials, a bad address
        if isinstance(error, ValueError) and str(error).startswith("Protocol not known"):
            raise StorageError(
                f"{url}: fsspec knows no place of the kind {protocol!r}; give a path, or a URL such as s3://, gs://,"
                " hf:// or https://"
            ) from error
        raise StorageError(f"{url}: cannot be opened: {_described(error)}") from error
    return files, path


def _missing_extra(url: str) -> MissingExtraError:
    return MissingExtraError(
        f"to read {url} firth needs the extra 'cloud'; install it with `pip install 'firth[cloud]'`"
    )


@contextmanager
def _errors_of(url: str, file: Any = None) -> Iterator[None]:
    """Make StorageError of what the library for a place raises; the message says at which byte.

    Libraries for places raise exceptions of their own classes, which have no common base but Exception.
    """
    try:
        yield
    except FirthError:
        raise
    except FileNotFoundError as error:
        raise StorageError(_missing_message(url, error)) from error
    except Exception as error:
        where = "cannot be read" if file is None else f"the connection ended at byte {file.n_read:,}"
        raise StorageError(f"{url}: {where}: {_described(error)}") from error


def _missing_message(url: str, error: FileNotFoundError) -> str:
    cause = error.__cause__  # a web library says "not found" for every failure, and gives the failure as the cause
    if cause is None or getattr(cause, "status", None) in (404, 410):
        return f"{url}: no such file"
    return f"{url}: cannot be reached: {_described(cause)}"


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_glob(url: str, path: str) -> bool:
    # "?" begins the query of a web address
    return any(letter in path for letter in ("*[" if re.match("https?://", url) else "*?["))


def _full_url(files: Any, url: str, name: str) -> str:
    full: str = files.unstrip_protocol(name)
    return full if "::" not in url else f"{full}::{url.split('::', 1)[1]}"


def _can_seek(file: Any) -> bool:
    try:
        file.seek(0, 2)
        file.seek(0)
    except (OSError, ValueError, NotImplementedError, AttributeError):
        return False
    return True


__all__ = ["Place", "PlaceStream", "find_places"]
