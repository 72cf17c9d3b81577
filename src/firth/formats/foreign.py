"""Room formats: files that hold no vectors that firth reads, told by their first bytes, and what to do with them.

`MAGIC_BYTES` is the table of those with a magic number at their start; a few more are told by what they say in words.
"""

from __future__ import annotations

import re

from firth.base.compression import compression_of

# first bytes -> (what the file is, what to do)
MAGIC_BYTES: dict[bytes, tuple[str, str]] = {
    b"PAR1": ("a Parquet file", "read it with pandas and write its words and numbers as text"),
    b"ARROW1": ("an Arrow file", "read it with pandas and write its words and numbers as text"),
    b"FEA1": ("a Feather file", "read it with pandas and write its words and numbers as text"),
    b"\x93NUMPY": (
        "a NumPy .npy array, which has no words",
        "save it with its words: numpy.savez(path, words=words, vectors=vectors)",
    ),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", "read it with h5py and save words and vectors with numpy.savez"),
    b"SQLite format 3\0": ("an SQLite database", "read words and vectors from its tables, save them with numpy.savez"),
    b"%PDF-": ("a PDF document", "give the file of the vectors"),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "unpack it and give the file inside"),
    b"Rar!\x1a\x07": ("a RAR archive", "unpack it and give the file inside"),
    b"PK\x03\x04": ("a zip archive", "unpack it (`unzip`) and give the file inside"),
    b"PK\x05\x06": ("an empty zip archive", "fetch the file again"),
    b"\x1f\x9d": ("a file compressed by `compress` (.Z)", "decompress it (`uncompress`)"),
    b"\xff\xfe\0\0": ("text in UTF-32", "convert it: `iconv -f UTF-32 -t UTF-8`"),
    b"\0\0\xfe\xff": ("text in UTF-32", "convert it: `iconv -f UTF-32 -t UTF-8`"),
    b"\xff\xfe": ("text in UTF-16", "convert it: `iconv -f UTF-16 -t UTF-8`"),
    b"\xfe\xff": ("text in UTF-16", "convert it: `iconv -f UTF-16 -t UTF-8`"),
    b"version https://git-lfs.github.com/": (
        "a Git LFS pointer: the vectors themselves were not fetched",
        "run `git lfs pull` where the file comes from",
    ),
    b"/annex/objects/": ("a git-annex pointer: the vectors themselves were not fetched", "run `git annex get`"),
    b"GGUF": ("a GGUF model of a language model", "firth reads files of word vectors"),
}
_TAR_AT, _TAR = 257, b"ustar"
_OLD_PICKLES = (
    b"(dp",
    b"(lp",
    b"ccopy_reg\n",
    b"ccopyreg\n",
    b"cnumpy",
)  # protocol 0; later ones are gensim's to judge
_PICKLED_ZIP = re.compile(rb"[^/\0]{1,80}/(data\.pkl|version|byteorder)")  # PyTorch's names of members
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|!--|rss|svg)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(\{\s*("|\})|\[\s*([\[{"\]]|-?\d[\d.eE+-]*\s*,))')


def describe_foreign(head: bytes) -> str | None:
    """What a file is and what to do with it, where its first bytes tell that firth reads no vectors from it.

    Parameters
    ----------
    head : bytes
        The first ones, after decompression. That no format of firth's knows them is asked first.
    """
    if head.startswith(b"PK\x03\x04") and _PICKLED_ZIP.search(head[:512]):
        return "a PyTorch file; load it with torch and save words and vectors with numpy.savez"
    for magic, (what, advice) in MAGIC_BYTES.items():
        if head.startswith(magic):
            return f"{what}; {advice}"
    inner = compression_of(head)
    if inner is not None:
        return f"compressed twice ({inner} inside); decompress it once"
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        return "a tar archive; unpack it (`tar xf`) and give the file inside"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 << 20:
        return (
            "a safetensors file, which has no words; give the folder of a firth model, or save words and vectors with"
            " numpy.savez"
        )
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(text):
        return "a page of HTML or XML, perhaps a server's error message; fetch the file again"
    if _JSON.match(text):
        return "JSON; write a line for each word: the word, then its numbers, spaces between"
    if _is_wide_text(head):
        return "text in UTF-16; convert it: `iconv -f UTF-16 -t UTF-8`, with LE or BE where it has no mark"
    if head.startswith(_OLD_PICKLES):
        return "a pickle, but none that gensim saves; load it with the program that wrote it and save with numpy.savez"
    return None


def _is_wide_text(head: bytes) -> bool:
    """Text of two bytes a character: every second byte of the first line is zero."""
    line = head[:64]
    even, odd = line[::2], line[1::2]
    for zeros, letters in ((even, odd), (odd, even)):
        if len(zeros) >= 3 and not zeros.strip(b"\0") and letters.isascii() and b"\0" not in letters:
            return True
    return False


__all__ = ["MAGIC_BYTES", "describe_foreign"]
