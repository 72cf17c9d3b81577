"""Room cli: rewrites error messages for the terminal: names of Python parameters become flags of the command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection

# Parameters of read_vectors. If a command has no such flag, `firth convert` can write a file that the command reads.
_READING = {"duplicates": "--duplicates", "encoding_errors": "--encoding-errors", "format": "--from"}
_ASSIGNMENT = re.compile(
    r"""(?<![\w/.'"-])([a-z]+(?:_[a-z]+)*)=("[^"]*"|'[^']*'"""
    r"""|\[(?:\.\.\.|"[^"\]]*"(?:, "[^"\]]*")*)\]|True|\d[\w.+-]*\w|\d)"""
)
_NAME = re.compile(r"""(?<![\w/.'"=-])([a-z]+(?:_[a-z]+)+)(?![\w/'"=(-]|\.\w)""")
_SUBJECT = re.compile(r"^([a-z]+(?:_[a-z]+)*)(?= must )")
_BOTH = re.compile(r"(?<=\()(--[a-z-]+), [a-z_]+=(?=\))")  # "(--columns, columns=)"
_TWICE = re.compile(r"(--[a-z-]+(?: \S+)?) \(\1\)")


def name_flags(message: str, flags: Collection[str], *, reads_vectors: bool = False) -> str:
    """Replace ``min_count=1`` by ``--min-count 1`` in a message, and ``min_count`` by ``--min-count``.

    A name of one word, such as ``dims``, is replaced only where the message begins with "dims must".

    Parameters
    ----------
    message : str
    flags : collection of str
        Flags of the command that runs: ``--min-count``, ... A parameter that has no flag keeps its name.
    reads_vectors : bool
        Whether the message is about reading a vector file. The flags for reading belong to ``firth convert``; if the
        command has no ``--from``, the message names ``firth convert`` instead.
    """
    converts = "--from" in flags

    def assigned(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("\"'")
        if value.startswith("["):  # a list of names, which a flag has with commas between them
            value = ",".join(re.findall(r'"([^"]*)"', value)) or "A,B"
        if reads_vectors and not converts and name in _READING:
            return f"`firth convert FILE NEW {_READING[name]} {shlex.quote(value)}`"
        flag = f"--{name.replace('_', '-')}"
        if flag not in flags:
            return match[0]
        return flag if value == "True" else f"{flag} {shlex.quote(value)}"

    def named(match: re.Match[str]) -> str:
        flag = f"--{match[1].replace('_', '-')}"
        return flag if flag in flags else match[0]

    if reads_vectors:
        from_flag = "--from FORMAT" if converts else "`firth convert FILE NEW --from FORMAT`"
        message = message.replace("name it with format= or --from", f"name it with {from_flag}")
    message = _BOTH.sub(lambda match: match[1] if match[1] in flags else match[0], message)
    message = _SUBJECT.sub(named, message)
    return _TWICE.sub(r"\1", _NAME.sub(named, _ASSIGNMENT.sub(assigned, message)))


__all__ = ["name_flags"]
