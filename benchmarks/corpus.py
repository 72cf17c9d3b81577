"""Compares counting and encoding of a text file with gensim's ``build_vocab``, interleaved in one run.

    python benchmarks/corpus.py TEXT [--rounds 5] [--threads N] [--json]
    python benchmarks/corpus.py --distinct 5000000 [--rounds 5] [--threads N] [--json]
    python benchmarks/corpus.py TEXT --tables [--rounds 5] [--threads N] [--json]

TEXT is a plain or compressed file. The default is ``$FIRTH_DATA/enwiki-featured.txt.xz``, which is decompressed first.
gensim only counts (``build_vocab(corpus_file=...)``, minimum count 5, vectors of one dimension, to allocate little).
firth counts, encodes to disk and computes checksums. The program also prints each stage's share of firth's time, the
times of one thread and of an iterable of token lists, and the peak memory.

With ``--distinct``, the text has this number of random tokens of 8 bytes, almost all different words. The program
prints the new words a second, from the text to the Vocabulary, with one thread and with all threads. It also prints the
peak memory for each word, without the word itself. gensim does not run.

With ``--tables``, the lines of the text are also the column of Parquet files (compressed by snappy, PyArrow's default,
by zstd and by lz4), of an Arrow array and of a Series of Polars. The program prints the speed of each as a share of the
text file's, in wall time and in processor time. It checks that the encoded corpora are equal.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MUST, AIM = 8.0, 15.0
STAGES = {  # function of firth.corpus.encode -> what it does
    "count_texts": "counting, spooling",
    "hold_out": "held-out share",
    "choose_vocabulary": "choosing the vocabulary",
    "_write_ids": "encoding, writing",
    "write_manifest": "checksums",
}


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if arguments.distinct:
            show_distinct(
                measure_distinct(arguments.distinct, work, arguments.rounds, arguments.threads), arguments.json
            )
            return
        text = unpack(arguments.text, work)
        if arguments.tables:
            show_tables(measure_tables(text, work, arguments.rounds, arguments.threads), arguments.json)
            return
        result = measure(text, work, arguments.rounds, arguments.threads)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, nargs="?", help="default: enwiki-featured of FIRTH_DATA")
    parser.add_argument("--distinct", type=int, metavar="TOKENS", help="make a text of almost only different tokens")
    parser.add_argument("--tables", action="store_true", help="compare columns of tables with the text file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None, help="default: the cores available")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.text is None and not arguments.distinct:
        if "FIRTH_DATA" not in os.environ:
            parser.error("name a text, or set FIRTH_DATA to the folder that holds enwiki-featured.txt.xz")
        arguments.text = Path(os.environ["FIRTH_DATA"]) / "enwiki-featured.txt.xz"
    return arguments


def unpack(text: Path, work: Path) -> Path:
    if text.suffix != ".xz":
        return text
    with lzma.open(text, "rb") as packed, open(work / "text", "wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)
    return work / "text"


def measure(text: Path, work: Path, n_rounds: int, threads: int | None) -> dict[str, Any]:
    from firth.base.machine import available_processors
    from firth.corpus import encode, encode_corpus

    threads = threads or available_processors()
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    for name in STAGES:
        setattr(encode, name, timed(getattr(encode, name), stages[name]))
    firth_seconds: list[float] = []
    one_thread: list[float] = []
    gensim_seconds: list[float] = []
    in_stages: dict[str, list[float]] = {name: [] for name in STAGES}

    corpus = encode_corpus(text, folder=work / "warm", threads=threads)  # reads the file into the page cache
    n_tokens = corpus.n_tokens_read
    for _ in range(n_rounds):
        gensim_seconds.append(time_gensim(text))
        for spent in stages.values():
            spent.clear()
        firth_seconds.append(seconds(lambda: encode_corpus(text, folder=work / "all", threads=threads)))
        for name, spent in stages.items():
            in_stages[name].append(sum(spent))
        one_thread.append(seconds(lambda: encode_corpus(text, folder=work / "one", threads=1)))
    peak_bytes = peak_anonymous(lambda: encode_corpus(text, folder=work / "all", threads=threads))
    with open(text, encoding="utf-8") as lines:
        iterable_s = seconds(lambda: encode_corpus(map(str.split, lines), folder=work / "lists"))
    return {
        "tokens": n_tokens,
        "threads": threads,
        "firth_seconds": firth_seconds,
        "gensim_seconds": gensim_seconds,
        "one_thread_seconds": one_thread,
        "ratios": [gensim / firth for gensim, firth in zip(gensim_seconds, firth_seconds, strict=True)],
        "stage_seconds": {STAGES[name]: statistics.median(spent) for name, spent in in_stages.items()},
        "iterable_seconds": iterable_s,
        "peak_anonymous_bytes": peak_bytes,
    }


def measure_distinct(n_tokens: int, work: Path, n_rounds: int, threads: int | None) -> dict[str, Any]:
    from firth.base.machine import available_processors
    from firth.corpus import encode_corpus

    threads = threads or available_processors()
    write_distinct_words(work / "text", n_tokens)
    taken: dict[int, list[float]] = {1: [], threads: []}
    corpus = None
    for _ in range(n_rounds):
        for n_threads, spent in taken.items():
            started = time.perf_counter()
            corpus = encode_corpus(work / "text", folder=work / "corpus", min_count=1, threads=n_threads)
            n_words = len(corpus.vocabulary)
            spent.append(time.perf_counter() - started)
    assert corpus is not None
    n_bytes = sum(map(len, map(str.encode, corpus.vocabulary.words))) / n_words
    del corpus
    peak_bytes = peak_anonymous(
        lambda: encode_corpus(work / "text", folder=work / "corpus", min_count=1, threads=threads).vocabulary
    )
    return {
        "words": n_words,
        "threads": threads,
        "seconds": {str(n_threads): spent for n_threads, spent in taken.items()},
        "bytes_a_word_beside_it": None if peak_bytes is None else peak_bytes / n_words - n_bytes,
    }


def measure_tables(text: Path, work: Path, n_rounds: int, threads: int | None) -> dict[str, Any]:
    import polars
    import pyarrow
    from pyarrow import parquet

    from firth.corpus import encode_corpus

    lines = text.read_bytes().decode().removesuffix("\n").split("\n")
    table = pyarrow.table({"text": lines})
    del lines
    for compression in ("snappy", "zstd", "lz4"):
        parquet.write_table(table, work / f"{compression}.parquet", compression=compression)
    sources: dict[str, tuple[Any, str | None]] = {
        "text file": (text, None),
        "Parquet": (work / "snappy.parquet", "text"),
        "with zstd": (work / "zstd.parquet", "text"),
        "with lz4": (work / "lz4.parquet", "text"),
        "Arrow": (table.column("text"), None),
        "Polars": (polars.from_arrow(table)["text"], None),  # type: ignore[index]
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sources}
    found = {}
    for _ in range(n_rounds + 1):
        for name, (source, column) in sources.items():
            wall, processor = time.perf_counter(), time.process_time()
            corpus = encode_corpus(source, folder=work / "corpus", column=column, threads=threads)
            taken[name].append((time.perf_counter() - wall, time.process_time() - processor))
            found[name] = corpus.sha256
    if len(set(found.values())) != 1:
        raise SystemExit(f"the encoded corpora differ: {found}")
    seconds_taken = {
        name: spent[1:] for name, spent in taken.items()
    }  # the first round reads files into the page cache
    return {
        name: {
            "seconds": statistics.median(wall for wall, _ in spent),
            "processor_seconds": statistics.median(processor for _, processor in spent),
            "share": statistics.median(
                plain[0] / wall for (wall, _), plain in zip(spent, seconds_taken["text file"], strict=True)
            ),
            "processor_share": statistics.median(
                plain[1] / processor for (_, processor), plain in zip(spent, seconds_taken["text file"], strict=True)
            ),
        }
        for name, spent in seconds_taken.items()
    }


def show_tables(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for name, found in result.items():
        print(
            f"{name:<10} {found['seconds']:7.3f} s  {found['share']:5.2f} of the text file's speed;"
            f" processors {found['processor_seconds']:7.3f} s  {found['processor_share']:5.2f}"
        )


def write_distinct_words(path: Path, n_tokens: int) -> None:
    """Random words of 5 to 9 letters, twenty a line."""
    import numpy as np

    rng = np.random.default_rng(1)
    lengths = rng.integers(5, 10, n_tokens)
    text = rng.integers(ord("a"), ord("z") + 1, int((lengths + 1).sum()), dtype=np.uint8)
    ends = np.cumsum(lengths + 1) - 1
    text[ends] = ord(" ")
    text[ends[19::20]] = ord("\n")
    text.tofile(path)


def show_distinct(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['words']:,} distinct words, text to vocabulary")
    for n_threads, spent in result["seconds"].items():
        seconds_taken = statistics.median(spent)
        print(f"  {n_threads} threads  {result['words'] / seconds_taken / 1e6:6.2f} M words/s  {seconds_taken:6.2f} s")
    if result["bytes_a_word_beside_it"] is not None:
        print(f"  peak of memory: {result['bytes_a_word_beside_it']:.0f} bytes a word beside the word")


def time_gensim(text: Path) -> float:
    from gensim.models import Word2Vec

    model = Word2Vec(vector_size=1, min_count=5)
    return seconds(lambda: model.build_vocab(corpus_file=str(text)))


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - started)

    return call


def peak_anonymous(work: Callable[[], Any]) -> int | None:
    """The largest increase of RssAnon during a call, sampled every 2 ms. None without /proc."""
    if not Path("/proc/self/status").exists():
        return None

    def anonymous() -> int:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024

    start = peak = anonymous()
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return peak - start


def show(result: dict[str, Any]) -> None:
    n_tokens, firth_seconds = result["tokens"], statistics.median(result["firth_seconds"])
    ratios = sorted(result["ratios"])
    gensim, one = statistics.median(result["gensim_seconds"]), statistics.median(result["one_thread_seconds"])
    print(f"{n_tokens:,} tokens, {result['threads']} threads, {len(ratios)} interleaved rounds")
    print(f"gensim build_vocab            {n_tokens / gensim / 1e6:8.2f} M words/s   {gensim:.2f} s")
    print(f"firth counting and encoding   {n_tokens / firth_seconds / 1e6:8.2f} M words/s   {firth_seconds:.2f} s")
    print(f"  one thread                  {n_tokens / one / 1e6:8.2f} M words/s   {one:.2f} s")
    lists = result["iterable_seconds"]
    print(f"  from lists of tokens        {n_tokens / lists / 1e6:8.2f} M words/s   {lists:.2f} s")
    median = statistics.median(ratios)
    verdict = "aim met" if median >= AIM else "must met" if median >= MUST else "NOT MET"
    print(f"ratio: median {median:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}); must {MUST:g}, aim {AIM:g}: {verdict}")
    for name, spent in result["stage_seconds"].items():
        print(f"  {name:<26}{spent:8.3f} s  {spent / firth_seconds:6.1%}")
    if result["peak_anonymous_bytes"] is not None:
        print(f"peak RssAnon above the start: {result['peak_anonymous_bytes'] / 2**20:.0f} MiB, words included")


if __name__ == "__main__":
    sys.exit(main())
