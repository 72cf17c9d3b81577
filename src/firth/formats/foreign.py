"""Room formats: advice for a file without vectors that firth can read (`firth.base.first_bytes` names its format).

Tests: tests/base/test_first_bytes.py.
"""

from __future__ import annotations

import re

from firth.base.compression import compression_of
from firth.base.first_bytes import kind_of, wide_encoding_of

_SAVE = "save words and vectors with numpy.savez"
_READ_TABLE = "read the file with pandas and write its words and numbers as text"
_ADVICE: dict[str, str] = {
    **dict.fromkeys(
        ("a Parquet file", "an Arrow file", "a Feather file", "an Arrow stream", "an ORC file", "an Avro file"),
        _READ_TABLE,
    ),
    "an Excel sheet (.xlsx)": _READ_TABLE,
    "a NumPy array (.npy)": "it has no words; save it with its words: numpy.savez(path, words=words, vectors=vectors)",
    "an HDF5 file": f"read it with h5py and {_SAVE}",
    "an SQLite database": f"read words and vectors from its tables and {_SAVE}",
    "a safetensors file": f"it has no words; give the folder of a firth model, or {_SAVE}",
    "a PyTorch file": f"load it with torch and {_SAVE}",
    "a pickle": f"gensim does not save such pickles; load it with the program that wrote it and {_SAVE}",
    "a 7z archive": "unpack it and give the file inside",
    "a RAR archive": "unpack it and give the file inside",
    "an ar archive": "unpack it and give the file inside",
    "a tar archive": "unpack it (`tar xf`) and give the file inside",
    "a zip archive": "unpack it (`unzip`) and give the file inside",
    "data of compress (.Z)": "decompress it (`uncompress`)",
    "a Git LFS pointer, which stands for a file that was not fetched": "run `git lfs pull` in the file's repository",
    "a git-annex pointer, which stands for a file that was not fetched": "run `git annex get`",
    "a GGUF model": "firth reads files of word vectors",
    **dict.fromkeys(("lz4 data", "lzip data", "snappy data"), "decompress it first"),
}
_OTHERWISE = "give the file of the vectors"
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|!--|rss|svg)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(\{\s*("|\})|\[\s*([\[{"\]]|-?\d[\d.eE+-]*\s*,))')


def describe_foreign(head: bytes) -> str | None:
    """The format of a file that firth cannot read, and the advice for it; None if the first bytes are of none of these.

    Parameters
    ----------
    head : bytes
        The first bytes of the file, after decompression. The caller has checked that none of firth's formats matches.
    """
    inner = compression_of(head)
    if inner is not None:
        return f"compressed twice ({inner} inside); decompress it once"
    kind = kind_of(head)
    if kind is not None:
        return f"{kind}; {_ADVICE.get(kind, _OTHERWISE)}"
    encoding = wide_encoding_of(head)
    if encoding is not None:
        return f"text in {encoding.name}; convert it: `iconv -f {encoding.iconv_name} -t UTF-8`"
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(text):
        return "a page of HTML or XML, perhaps a server's error message; fetch the file again"
    if _JSON.match(text):
        return "JSON; write a line for each word: the word and its numbers, separated by spaces"
    return None


__all__ = ["describe_foreign"]
