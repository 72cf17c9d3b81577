"""Room formats: reads the values of a pickle without importing, calling or executing anything that the pickle names.

The file is long because one class implements all opcodes: a table of short methods that share a stack.

Python's unpickler calls functions that a file names. Even with a restricted ``find_class``, a file can make it allocate
all memory, or crash. This reader knows the opcodes of protocols 0 to 5. It builds only plain values (numbers, text,
bytes, tuples, lists, dictionaries, sets), arrays as raw bytes, and `Record` objects: the name of a class and the saved
state of an object. A name that the caller does not allow is an error. Keys must be plain values or short tuples of
words, so that hashing does not recurse. Whole numbers among keys must fit in 64 bits, so that a file cannot make their
hashes collide. The size of all values is limited to a multiple of the file's size. Messages never show a value of a
pickle: 420 bytes can describe a value whose text is longer than any memory.

Source: CPython, Lib/pickletools.py, which documents every opcode and its effect on the stack.

Tests: tests/formats/test_gensim_native.py.
"""

from __future__ import annotations

import codecs
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from firth.errors import FormatError
from firth.formats.pickle_values import Name, PickledArray, PickledType, Record, to_array, to_text

_PLAIN_KEYS = (str, int, bytes, float, bool, type(None))
_ORDERS = ("<", ">", "|", "=")
_NUMPY_CORES = ("numpy.core", "numpy._core")
_LATIN1 = ("latin1", "latin-1")
# Values may take 16 MiB and this many times the file's bytes. A vocabulary of gensim 3 takes 25 times
# (test_pickle_budget).
_MADE_RATIO = 64
_MADE_FREE_BYTES = 16 << 20
# About the memory of CPython for an empty object with its reference in a container, and for an item of a dictionary.
_OBJECT_BYTES = 64
_ITEM_BYTES = 104
_SET_BYTES = 224
_TYPE_CHARS = 64  # characters of a NumPy type's code that are read; plain types have three
_RECORD_BYTES = 400
_MAX_PHRASE = 16  # words of a key: a short tuple is hashed at once


def read_pickle(data: mmap.mmap | bytes, path: Path, classes: frozenset[str], inert: frozenset[str]) -> Any:
    """Read the value of a pickle.

    Parameters
    ----------
    data : mmap or bytes
        The whole file.
    path : Path
        The file's path, for error messages.
    classes : frozenset of str
        Names ``module.class``. An object of such a class becomes a `Record`.
    inert : frozenset of str
        Names that may be values, but from which the pickle must not make objects.

    Raises
    ------
    FormatError
        The pickle is damaged, or has another name.
    """
    machine = _Machine(data, path, classes, inert)
    try:
        return machine.run()
    except FormatError:
        raise
    except (IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError, UnicodeError) as error:
        machine.fail(f"the pickle is damaged ({type(error).__name__})")
    except MemoryError:
        machine.fail("the pickle does not fit in memory")


def _is_phrase(key: object) -> bool:
    """Whether a key is a few words in a tuple, as gensim 3 has them in tables of phrases."""
    return type(key) is tuple and 0 < len(key) <= _MAX_PHRASE and all(type(word) in (str, bytes) for word in key)


class _Mark:
    """Marks the beginning of a group of values on the stack."""


_MARK = _Mark()


class _Machine:
    def __init__(self, data: mmap.mmap | bytes, path: Path, classes: frozenset[str], inert: frozenset[str]) -> None:
        self.data = data
        self.path = path
        self.classes = classes
        self.inert = inert
        self.at = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: list[Any] = []  # memoized values; picklers number them from 0
        self.far_memo: dict[int, Any] = {}  # memoized values with other numbers
        self.room = _MADE_FREE_BYTES + _MADE_RATIO * len(data)  # bytes that values may still take

    def charge(self, n_bytes: int) -> None:
        """Count the bytes of a value before it is made."""
        self.room -= n_bytes
        if self.room < 0:
            self.fail_full()

    def fail_full(self) -> NoReturn:
        self.fail(
            f"the pickle must make at most {_MADE_RATIO} times its {len(self.data)} bytes, got more; a model takes"
            " less, so the file was made to fill the memory"
        )

    def fail(self, message: str) -> NoReturn:
        raise FormatError(f"{self.path}: byte {self.at}: {message}")

    # --- the loop; the frequent opcodes, which fill a vocabulary, come first and inline ---

    def run(self) -> Any:
        data, memo, stack = self.data, self.memo, self.stack
        size = len(data)
        others = _OTHERS
        while True:
            if self.at >= size:
                self.fail("the pickle ends without its end mark: the file is cut")
            op = data[self.at]
            self.at += 1
            at = self.at
            if op == 0x68:  # BINGET
                stack.append(self.recall(data[at]))
                self.at = at + 1
            elif op == 0x6A:  # LONG_BINGET
                stack.append(self.recall(self.unsigned(4)))
            elif op == 0x94:  # MEMOIZE
                memo.append(stack[-1])
            elif op == 0x71:  # BINPUT
                self.note(data[at])
                self.at = at + 1
            elif op == 0x72:  # LONG_BINPUT
                self.note(self.unsigned(4))
            elif op == 0x8C:  # SHORT_BINUNICODE
                stack.append(self.take(self.unsigned(1)).decode("utf-8", "surrogatepass"))
            elif op == 0x58:  # BINUNICODE
                stack.append(self.take(self.unsigned(4)).decode("utf-8", "surrogatepass"))
            elif op == 0x4B:  # BININT1
                stack.append(data[at])
                self.at = at + 1
            elif op == 0x4D:  # BININT2
                stack.append(self.unsigned(2))
            elif op == 0x4A:  # BININT
                stack.append(int.from_bytes(self.take(4), "little", signed=True))
            elif op == 0x2E:  # STOP
                if len(stack) != 1 or self.marks:
                    self.fail("the pickle ends with values left over")
                if self.at != size:
                    self.fail(f"{size - self.at} bytes follow the pickle")
                return stack[0]
            else:
                handler = others.get(op)
                if handler is None:
                    self.at -= 1
                    self.fail(f"the opcode {op:#04x} is unknown, or not used by programs whose files firth reads")
                handler(self)

    # --- reading ---

    def take(self, n_bytes: int) -> bytes:
        end = self.at + n_bytes
        if end > len(self.data):
            self.fail(f"a value of {n_bytes} bytes goes beyond the end of the file: it is cut or damaged")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def unsigned(self, n_bytes: int) -> int:
        return int.from_bytes(self.take(n_bytes), "little")

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at, self.at + (1 << 20))
        if end < 0:
            self.fail("a line of the pickle has no end")
        taken = self.data[self.at : end]
        self.at = end + 1
        return taken

    def note(self, number: int) -> None:
        if number == len(self.memo):
            self.memo.append(self.stack[-1])
        elif 0 <= number < len(self.memo):
            self.memo[number] = self.stack[-1]
        else:
            self.charge(_ITEM_BYTES)
            self.far_memo[number] = self.stack[-1]

    def recall(self, number: int) -> Any:
        return self.memo[number] if 0 <= number < len(self.memo) else self.far_memo[number]

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        if start >= len(self.stack) or self.stack[start] is not _MARK:
            self.fail("the pickle's marks do not match")
        values = self.stack[start + 1 :]
        del self.stack[start:]
        return values

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            self.fail("the pickle's marks do not match")
        return value

    # --- plain values ---

    def proto(self) -> None:
        version = self.unsigned(1)
        if version > 5:
            self.fail(f"the pickle protocol must be at most 5, got {version}")

    def frame(self) -> None:
        if self.unsigned(8) > len(self.data) - self.at:
            self.fail("a frame goes beyond the end of the file: it is cut or damaged")

    def mark(self) -> None:
        self.marks.append(len(self.stack))
        self.stack.append(_MARK)

    def pop_value(self) -> None:
        if self.stack[-1] is _MARK:
            self.marks.pop()
        self.stack.pop()

    def pop_to_mark(self) -> None:
        self.pop_mark()

    def push_empty(self, value: Any, n_bytes: int) -> None:
        self.charge(n_bytes)
        self.stack.append(value)

    def duplicate(self) -> None:
        value = self.pop()
        self.stack += (value, value)

    def text_int(self) -> None:
        line = self.line()
        self.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else int(line[:400]))

    def text_long(self) -> None:
        self.stack.append(int(self.line().rstrip(b"L")[:400]))

    def text_float(self) -> None:
        self.stack.append(float(self.line()))

    def text_string(self) -> None:
        line = self.line().strip()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
            self.fail("a string of the pickle lacks its quotes")
        self.stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin-1"))

    def text_unicode(self) -> None:
        self.stack.append(self.line().decode("raw-unicode-escape"))

    def long1(self) -> None:
        self.stack.append(int.from_bytes(self.take(self.unsigned(1)), "little", signed=True))

    def long4(self) -> None:
        size = self.unsigned(4)
        if size > 1024:
            self.fail(f"an integer must have at most 1024 bytes, got {size}")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))

    def binary_float(self) -> None:
        self.stack.append(struct.unpack(">d", self.take(8))[0])

    def string1(self) -> None:
        self.stack.append(self.take(self.unsigned(1)).decode("latin-1"))  # Python 2's str

    def string4(self) -> None:
        self.stack.append(self.take(self.unsigned(4)).decode("latin-1"))

    def unicode8(self) -> None:
        self.stack.append(self.take(self.unsigned(8)).decode("utf-8", "surrogatepass"))

    def bytes1(self) -> None:
        self.stack.append(self.take(self.unsigned(1)))

    def bytes4(self) -> None:
        self.stack.append(self.take(self.unsigned(4)))

    def bytes8(self) -> None:
        self.stack.append(self.take(self.unsigned(8)))

    # --- containers ---

    def tuple_n(self, n_values: int) -> None:
        values = [self.pop() for _ in range(n_values)]
        self.charge(_OBJECT_BYTES)
        self.stack.append(tuple(reversed(values)))

    def append_one(self) -> None:
        value = self.pop()
        self.extend([value])

    def append_many(self) -> None:
        self.extend(self.pop_mark())

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            self.fail(f"values must be appended to a list, got {type(target).__name__}")
        target.extend(values)

    def set_one(self) -> None:
        value = self.pop()
        self.update([self.pop(), value])

    def set_many(self) -> None:
        self.update(self.pop_mark())

    def update(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Record):
            target = target.items
        if type(target) is not dict:
            self.fail(f"items must be set in a dictionary, got {type(target).__name__}")
        target.update(self.plain_pairs(values))

    def plain_pairs(self, values: list[Any]) -> dict[Any, Any]:
        if len(values) % 2:
            self.fail("a dictionary's key has no value")
        keys = values[::2]
        self.validate_keys(keys, "a dictionary's key")
        return dict(zip(keys, values[1::2], strict=True))

    def plain_members(self, values: list[Any]) -> list[Any]:
        self.validate_keys(values, "a set's member")
        return values

    def validate_keys(self, keys: list[Any], what: str) -> None:
        self.charge(_ITEM_BYTES * len(keys))
        for key in keys:
            if not isinstance(key, _PLAIN_KEYS) and not _is_phrase(key):
                self.fail(f"{what} must be a plain value, got {type(key).__name__}")
            # The hash of a whole number is its remainder by 2^61 - 1: millions of longer numbers can have one hash.
            if isinstance(key, int) and not -(1 << 63) <= key < 1 << 63:
                self.fail(f"{what} must fit in 64 bits if it is a whole number, got a longer one")

    def add_members(self) -> None:
        values = self.plain_members(self.pop_mark())
        if type(self.stack[-1]) is not set:
            self.fail(f"members must be added to a set, got {type(self.stack[-1]).__name__}")
        self.stack[-1].update(values)

    # --- names and objects ---

    def global_text(self) -> None:
        module, name = self.line(), self.line()
        self.push_name(module.decode("utf-8"), name.decode("utf-8"))

    def global_stack(self) -> None:
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            self.fail("a name in the pickle must be text, got another type")
        self.push_name(module, name)

    def push_name(self, module: str, name: str) -> None:
        whole = f"{module}.{name}"
        if whole not in self.classes and whole not in self.inert and whole not in _CONSTRUCTORS:
            self.fail(
                f"the pickle asks for {whole[:200]!r}, which firth refuses: firth allows only names in files of"
                " gensim's Word2Vec and KeyedVectors, and runs no code; if you trust the file, load it with gensim and"
                " write `model.wv.save_word2vec_format(...)`"
            )
        self.stack.append(Name(module, name))

    def new_object(self) -> None:
        arguments = self.pop()
        self.stack.append(self.make_record(self.pop(), arguments))

    def new_object_with_names(self) -> None:
        names = self.pop()
        if type(names) is not dict or names:
            self.fail("an object must be made without named arguments, got some")
        self.new_object()

    def make_record(self, kind: Any, arguments: Any) -> Any:
        if not isinstance(kind, Name) or not isinstance(arguments, tuple):
            self.fail("an object must be made from a class and a tuple of arguments, got other values")
        if str(kind) not in self.classes:
            return self.construct(kind, arguments)
        self.charge(_RECORD_BYTES)
        return Record(kind, arguments=arguments)

    def reduce(self) -> None:
        arguments = self.pop()
        function = self.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            self.fail("a call must have the name of a function and a tuple of arguments, got other values")
        self.stack.append(self.construct(function, arguments))

    def construct(self, function: Name, arguments: tuple[Any, ...]) -> Any:
        whole = str(function)
        kind = _CONSTRUCTORS.get(whole)
        self.charge(_RECORD_BYTES)
        if kind == "array":
            return PickledArray()
        if kind == "array from buffer":
            data, dtype, shape, order = arguments
            return PickledArray(shape, dtype, order == "F", bytes(data) if isinstance(data, bytearray) else data)
        if kind == "type":
            if not arguments or type(arguments[0]) is not str:
                self.fail("a NumPy type must be made from its code as text, got another value")
            code = arguments[0][:_TYPE_CHARS]
            return PickledType(code.lstrip("<>|="), code[:1] if code[:1] in _ORDERS else "=")
        if kind == "scalar":
            dtype, data = arguments
            if isinstance(dtype, PickledType) and dtype.code[:1] == "U":
                return to_text(dtype, data, f"{self.path}: byte {self.at}")
            return to_array(PickledArray((), dtype, False, data), "fiub", f"{self.path}: a number").item()
        if kind == "encode":
            text, encoding = arguments
            if type(text) is not str or type(encoding) is not str or encoding not in _LATIN1:
                self.fail("text must be encoded as latin-1, as in NumPy's arrays, got another encoding")
            self.charge(len(text))  # six bytes of the file encode a memoized text once more
            return text.encode("latin-1")
        if kind == "dict" and all(isinstance(argument, Name) for argument in arguments):
            return {}
        if kind == "set" and len(arguments) == 1 and type(arguments[0]) is list:
            self.charge(_SET_BYTES)
            return set(self.plain_members(arguments[0]))
        if kind == "bytes" and len(arguments) <= 1:
            return self.make_bytes(arguments)
        if kind == "object" and len(arguments) == 3:
            return self.make_record(arguments[0], ())
        if kind == "opaque":
            return Record(function)
        self.fail(f"{whole[:200]!r} is called, which firth refuses")

    def make_bytes(self, arguments: tuple[Any, ...]) -> bytes:
        if not arguments:
            return b""
        if type(arguments[0]) is not bytes:
            self.fail(f"bytes must be made from bytes, got {type(arguments[0]).__name__}")
        return arguments[0]

    def build(self) -> None:
        state = self.pop()
        target = self.stack[-1]
        if isinstance(target, PickledArray):
            if type(state) is not tuple or len(state) not in (4, 5):
                self.fail("an array's state is damaged")
            target.shape, target.dtype, fortran_order, target.data = state[-4:]
            target.fortran_order = bool(fortran_order) if isinstance(fortran_order, (bool, int)) else False
        elif isinstance(target, PickledType):
            if type(state) is not tuple or len(state) < 5 or type(state[1]) is not str or state[1] not in _ORDERS:
                self.fail("a NumPy type's state is damaged")
            if state[2] is not None or state[3] is not None or state[4] is not None:
                target.code = "structure"  # to_array refuses this type
            target.order = state[1]
        elif isinstance(target, Record):
            if type(state) is tuple and len(state) == 2 and type(state[0]) is dict:
                state = state[0]
            if type(state) is dict:
                self.charge(_ITEM_BYTES * len(state))
                target.state.update(state)
            elif str(target.kind) in self.classes:
                self.fail(f"the state of {str(target.kind)[:100]!r} must be a dictionary, got {type(state).__name__}")
        elif type(target) is dict or type(target) is set:
            pass  # attributes of a subclass of dict or set; gensim saves none
        else:
            self.fail(f"a state must be of an object or an array, got {type(target).__name__}")


_CONSTRUCTORS = {
    **{f"{core}.multiarray._reconstruct": "array" for core in _NUMPY_CORES},
    **{f"{core}.numeric._frombuffer": "array from buffer" for core in _NUMPY_CORES},
    **{f"{core}.multiarray.scalar": "scalar" for core in _NUMPY_CORES},
    "numpy.dtype": "type",
    "_codecs.encode": "encode",
    "collections.defaultdict": "dict",
    "collections.OrderedDict": "dict",
    "builtins.dict": "dict",
    "builtins.set": "set",
    "__builtin__.set": "set",
    "builtins.frozenset": "set",
    "__builtin__.frozenset": "set",
    "builtins.bytes": "bytes",
    "__builtin__.bytes": "bytes",
    "builtins.bytearray": "bytes",
    "__builtin__.bytearray": "bytes",
    "copy_reg._reconstructor": "object",
    "copyreg._reconstructor": "object",
    "numpy.random.__RandomState_ctor": "opaque",
    "numpy.random._pickle.__randomstate_ctor": "opaque",
    "numpy.random._pickle.__bit_generator_ctor": "opaque",
    "numpy.random._pickle.__generator_ctor": "opaque",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": "opaque",
}

_OTHERS: dict[int, Callable[[_Machine], object]] = {
    0x80: _Machine.proto,
    0x95: _Machine.frame,
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop_value,
    ord("1"): _Machine.pop_to_mark,
    ord("2"): _Machine.duplicate,
    ord("N"): lambda machine: machine.stack.append(None),
    0x88: lambda machine: machine.stack.append(True),
    0x89: lambda machine: machine.stack.append(False),
    ord("I"): _Machine.text_int,
    ord("L"): _Machine.text_long,
    ord("F"): _Machine.text_float,
    ord("S"): _Machine.text_string,
    ord("V"): _Machine.text_unicode,
    0x8A: _Machine.long1,
    0x8B: _Machine.long4,
    ord("G"): _Machine.binary_float,
    ord("U"): _Machine.string1,
    ord("T"): _Machine.string4,
    0x8D: _Machine.unicode8,
    ord("C"): _Machine.bytes1,
    ord("B"): _Machine.bytes4,
    0x8E: _Machine.bytes8,
    0x96: _Machine.bytes8,  # a bytearray, read as bytes
    ord(")"): lambda machine: machine.stack.append(()),
    ord("]"): lambda machine: machine.push_empty([], _OBJECT_BYTES),
    ord("}"): lambda machine: machine.push_empty({}, _OBJECT_BYTES),
    0x8F: lambda machine: machine.push_empty(set(), _SET_BYTES),
    ord("t"): lambda machine: machine.push_empty(tuple(machine.pop_mark()), _OBJECT_BYTES),
    ord("l"): lambda machine: machine.push_empty(machine.pop_mark(), _OBJECT_BYTES),
    ord("d"): lambda machine: machine.push_empty(machine.plain_pairs(machine.pop_mark()), _OBJECT_BYTES),
    0x91: lambda machine: machine.push_empty(frozenset(machine.plain_members(machine.pop_mark())), _SET_BYTES),
    0x85: lambda machine: machine.tuple_n(1),
    0x86: lambda machine: machine.tuple_n(2),
    0x87: lambda machine: machine.tuple_n(3),
    ord("a"): _Machine.append_one,
    ord("e"): _Machine.append_many,
    ord("s"): _Machine.set_one,
    ord("u"): _Machine.set_many,
    0x90: _Machine.add_members,
    ord("c"): _Machine.global_text,
    0x93: _Machine.global_stack,
    0x81: _Machine.new_object,
    0x92: _Machine.new_object_with_names,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
    ord("g"): lambda machine: machine.stack.append(machine.recall(int(machine.line()[:20]))),
    ord("p"): lambda machine: machine.note(int(machine.line()[:20])),
}


__all__ = ["read_pickle"]
