"""`make demo`: vectors of programmers' words, learned from the text of the Python standard library on this machine.

The program reads the docstrings (with ast), the comments (with tokenize) and the reference topics (pydoc_data) of the
installed standard library, and the docstrings of modules written in C. It writes them to a text file, one paragraph a
line. Then it trains a model, saves it, and prints the nearest neighbours of ten words. It needs no network.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import io
import re
import shutil
import sys
import sysconfig
import time
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

import firth

WORDS = ("list", "file", "exception", "thread", "socket", "string", "class", "integer", "parse", "tuple")
NOT_READ = {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__", "turtledemo"}
FEWEST_WORDS = 3  # shorter paragraphs are rulers, numbers or headings, and are left out

# A word, or a name in code: os.path.join, __init__, utf-8, don't. Punctuation around it is left out.
WORD = re.compile(r"[a-z_][a-z0-9_]*(?:(?:[.]|[-'](?=[a-z0-9]))[a-z0-9_]+)*")
CHARACTER_CODE = re.compile(r"[ux][0-9a-f]{3,}")  # x001b, u00e9: from tables of characters; they are not words
PARAGRAPH_END = re.compile(r"\n\s*\n")


def split_words(paragraph: str) -> list[str]:
    """The lower-cased words of a paragraph: ``"Call os.path.join()."`` gives ``["call", "os.path.join"]``."""
    words = WORD.findall(paragraph.lower())
    return [word for word in words if word.strip("_") and not CHARACTER_CODE.fullmatch(word)]


def read_docstrings(source: str) -> Iterator[str]:
    """The docstrings of a module, its classes and its functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about escapes in strings of the parsed module
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def read_comments(source: str) -> Iterator[str]:
    """The comments of a module. Comments on consecutive lines are one text."""
    lines: list[str] = []
    last_line = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last_line + 1 and lines:  # a gap ends the text
            yield "\n".join(lines)
            lines = []
        last_line = token.start[0]
        lines.append(token.string.lstrip("#!: "))
    if lines:
        yield "\n".join(lines)


def read_library(folder: Path) -> Iterator[str]:
    """The texts of every file of the standard library that this Python can parse."""
    for path in sorted(folder.rglob("*.py")):
        if NOT_READ.intersection(path.relative_to(folder).parts):
            continue
        try:
            with tokenize.open(path) as file:
                source = file.read()
            texts = [*read_docstrings(source), *read_comments(source)]
        except (OSError, SyntaxError, UnicodeDecodeError, tokenize.TokenError, ValueError):
            continue  # some files of the library are wrong on purpose
        yield from texts


def read_compiled_modules() -> Iterator[str]:
    """The docstrings of modules written in C, and of their classes, methods and functions."""
    names = [name for name in sys.builtin_module_names if "test" not in name and not name.startswith("_xx")]
    seen: set[str] = set()
    for name in sorted(names):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for text in _docstrings_of(module, depth=2):
            if text not in seen:
                seen.add(text)
                yield text


def _docstrings_of(thing: object, depth: int) -> Iterator[str]:
    text = inspect.getdoc(thing)
    if text:
        yield text
    if depth == 0:
        return
    for name, member in sorted(vars(thing).items()) if hasattr(thing, "__dict__") else []:
        if inspect.ismodule(member):
            continue
        if inspect.isclass(member):
            yield from _docstrings_of(member, depth - 1)
        elif callable(member) and (text := inspect.getdoc(member)):
            yield f"{name} {text}"


def read_topics() -> Iterator[str]:
    """The language reference, by topic, as ``help()`` shows it."""
    try:
        from pydoc_data import topics
    except ImportError:  # some Linux distributions have a separate package for the topics
        return
    yield from topics.topics.values()


def write_corpus(path: Path) -> dict[str, int]:
    """Write one paragraph a line, each paragraph once. Returns the number of words of each source."""
    sources = {
        "docstrings and comments": read_library(Path(sysconfig.get_paths()["stdlib"])),
        "docstrings of modules in C": read_compiled_modules(),
        "reference topics": read_topics(),
    }
    n_words = dict.fromkeys(sources, 0)
    seen: set[str] = set()
    with path.open("w", encoding="utf-8") as file:
        for source, texts in sources.items():
            for text in texts:
                for paragraph in PARAGRAPH_END.split(text):
                    words = split_words(paragraph)
                    line = " ".join(words)
                    if len(words) >= FEWEST_WORDS and line not in seen:
                        seen.add(line)
                        n_words[source] += len(words)
                        file.write(line + "\n")
    return n_words


def main() -> None:
    """Write the corpus, train, and print neighbours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=Path("demo-corpus.txt"), help="file for the text")
    parser.add_argument("--model", type=Path, default=Path("demo-model"), help="folder for the model")
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Reading what the standard library of Python {version} says about itself ...")
    start = time.perf_counter()
    n_words = write_corpus(arguments.corpus)
    total = f"{sum(n_words.values()):,} words in {time.perf_counter() - start:.1f} s"
    print(f"{total}, written to {arguments.corpus}:")
    for source, n in n_words.items():
        print(f"  {n:>9,}  {source}")

    print("\nTraining ...")
    model = firth.train(
        arguments.corpus,
        output=arguments.model,
        overwrite=True,
        dims=100,
        window=5,
        min_count=10,
        epochs=arguments.epochs,
        learning_rate=0.05,
        progress=None if sys.stderr.isatty() else False,
    )
    history, vectors = model.history, model.vectors
    print(
        f"{len(vectors):,} words x {vectors.dims} dims: {history.words_trained:,.0f} words in"
        f" {history.train_seconds:.1f} s, {history.words_per_s:,.0f} words/s on {model.config.threads} threads;"
        f" loss {history.loss_nats[0]:.3f} -> {history.loss_nats[-1]:.3f} nats"
    )

    print("\nNearest neighbours:")
    for word in WORDS:
        if word in vectors:
            nearest = vectors.neighbors(word, top=6, restrict=min(len(vectors), 4000))
            print(f"  {word:<10} {', '.join(neighbor.word for neighbor in nearest)}")

    firth_command = shutil.which("firth", path=str(Path(sys.executable).parent))
    command = Path(firth_command).name if firth_command else "python -m firth"
    if firth_command:
        folder = Path(firth_command).parent
        cwd = Path.cwd()
        command = str(folder.relative_to(cwd) / command) if folder.is_relative_to(cwd) else firth_command
    print(f"\nThe model is in {arguments.model}. Ask it more:")
    print(f"  {command} neighbors {arguments.model} generator")


if __name__ == "__main__":
    main()
