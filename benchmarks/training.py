"""Compares training with gensim, in interleaved runs on the same cores; each part prints a table.

    python benchmarks/training.py speed [--dims 100] [--architecture skipgram] [--loss negative-sampling] [--rounds 5]
    python benchmarks/training.py threads | deterministic | whole | memory | import | peak
    python benchmarks/training.py accuracy [--seeds 1 2 3 4 5] [--architecture ...] [--loss ...] [--deterministic]
        [--set window=7 ...]

The corpus is enwiki-featured of FIRTH_DATA, or ``--text FILE``. gensim runs in its fastest mode (``corpus_file``).
``--lines N`` uses the first N lines for both (default 40,000 of 143,689 in ``speed``, because gensim is slow).
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from libraries import option

if TYPE_CHECKING:
    from firth import EncodedCorpus

# (architecture, loss, dims) -> the least ratio of words/s to gensim's, and the ratio to aim at
TARGETS = {
    ("skipgram", "negative-sampling", 100): (12.0, 20.0),
    ("skipgram", "negative-sampling", 300): (10.0, 16.0),
    ("cbow", "negative-sampling", 100): (4.0, 8.0),
    ("skipgram", "hierarchical-softmax", 100): (4.0, 8.0),
    ("cbow", "hierarchical-softmax", 100): (2.0, 4.0),
}
# Analogies (per cent), WordSim-353, SimLex-999, MEN: means and standard deviations of gensim 4.4 over seeds, and the
# number of seeds (gensim-scores.md of FIRTH_DATA).
GENSIM_SCORES = {
    ("skipgram", "negative-sampling"): ((35.32, 0.636, 0.289, 0.596), (0.63, 0.007, 0.001, 0.002), 5),
    ("cbow", "negative-sampling"): ((29.46, 0.576, 0.238, 0.553), (0.07, 0.009, 0.001, 0.003), 5),
    ("skipgram", "hierarchical-softmax"): ((31.01, 0.606, 0.249, 0.600), (0.20, 0.008, 0.002, 0.000), 3),
    ("cbow", "hierarchical-softmax"): ((25.53, 0.599, 0.231, 0.556), (0.17, 0.004, 0.006, 0.003), 3),
}
PAIR_FILES = ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt", "EN-MEN-TR-3k.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {
        "speed": measure_speed,
        "threads": measure_threads,
        "deterministic": measure_deterministic,
        "whole": measure_whole_process,
        "memory": measure_memory,
        "import": measure_import,
        "peak": measure_peak_share,
        "accuracy": measure_accuracy,
    }
    parser.add_argument("part", choices=parts)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--lines", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--dims", type=int, default=100)
    parser.add_argument("--architecture", default="skipgram")
    parser.add_argument("--loss", default="negative-sampling")
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument(
        "--set", type=option, nargs="*", default=[], metavar="NAME=VALUE", help="further parameters of firth.train"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--peak", type=float, default=116.0, help="Gflop/s of a core: 32 at each cycle of a Zen 4")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arguments.text = unpack_text(arguments.text, Path(folder))
        parts[arguments.part](arguments, Path(folder))


def unpack_text(text: Path | None, folder: Path) -> Path:
    if text is None:
        if "FIRTH_DATA" not in os.environ:
            sys.exit("name a text with --text, or set FIRTH_DATA to the folder that holds enwiki-featured.txt.xz")
        text = Path(os.environ["FIRTH_DATA"]) / "enwiki-featured.txt.xz"
    if text.suffix != ".xz":
        return text
    with lzma.open(text, "rb") as packed, open(folder / "text", "wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)
    return folder / "text"


def first_lines(text: Path, n_lines: int, folder: Path) -> Path:
    part = folder / "part"
    with open(text, "rb") as source, open(part, "wb") as target:
        for _, line in zip(range(n_lines), source, strict=False):
            target.write(line)
    return part


def firth_words_per_s(text: Path, arguments: argparse.Namespace, **changes: Any) -> float:
    import firth

    parameters: dict[str, Any] = {
        "architecture": arguments.architecture,
        "loss": arguments.loss,
        "dims": arguments.dims,
        "threads": arguments.threads,
        "epochs": 1,
    }
    history = firth.train(text, progress=False, **(parameters | dict(arguments.set) | changes)).history
    return history.words_trained / history.train_seconds


def gensim_words_per_s(text: Path, arguments: argparse.Namespace) -> float:
    from gensim.models import Word2Vec

    hierarchical = arguments.loss == "hierarchical-softmax"
    model = Word2Vec(
        vector_size=arguments.dims, workers=arguments.threads, sg=int(arguments.architecture == "skipgram"),
        hs=int(hierarchical), negative=0 if hierarchical else 5, window=5, min_count=5, sample=1e-3,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text))
    started = time.perf_counter()
    model.train(corpus_file=str(text), total_words=model.corpus_total_words, epochs=1)
    return model.corpus_total_words / (time.perf_counter() - started)


def show_ratios(what: str, unit: str, rates: list[float], other_rates: list[float], note: str = "") -> None:
    ratios = [a / b for a, b in zip(rates, other_rates, strict=True)]
    print(
        f"{what}: {statistics.median(rates):.3g} against {statistics.median(other_rates):.3g} {unit}; ratio, median of"
        f" {len(ratios)}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) {note}",
        flush=True,
    )


def measure_speed(arguments: argparse.Namespace, folder: Path) -> None:
    part = first_lines(arguments.text, arguments.lines, folder)
    firth_rates, gensim_rates = [], []
    for _ in range(arguments.rounds):
        gensim_rates.append(gensim_words_per_s(part, arguments) / 1e6)
        firth_rates.append(firth_words_per_s(arguments.text, arguments) / 1e6)
    must, aim = TARGETS.get((arguments.architecture, arguments.loss, arguments.dims), (0.0, 0.0))
    name = f"{arguments.architecture}, {arguments.loss}, d={arguments.dims}, {arguments.threads} threads"
    show_ratios(name, "M words/s (firth, gensim)", firth_rates, gensim_rates, f"must {must:g}, aim {aim:g}")


def measure_threads(arguments: argparse.Namespace, folder: Path) -> None:
    two, one = [], []
    for _ in range(arguments.rounds):
        one.append(firth_words_per_s(arguments.text, arguments, threads=1) / 1e6)
        two.append(firth_words_per_s(arguments.text, arguments) / 1e6)
    show_ratios(f"{arguments.threads} threads over one", "M words/s", two, one, "must 1.8, aim 1.95 for two")


def measure_deterministic(arguments: argparse.Namespace, folder: Path) -> None:
    deterministic, free = [], []
    for _ in range(arguments.rounds):
        free.append(firth_words_per_s(arguments.text, arguments) / 1e6)
        deterministic.append(firth_words_per_s(arguments.text, arguments, deterministic=True) / 1e6)
    show_ratios("deterministic over lock-free", "M words/s", deterministic, free, "must 0.5, aim 0.8")


GENSIM_PROCESS = """
    import sys
    from gensim.models import Word2Vec
    text, target, dims, threads, epochs = sys.argv[1:]
    model = Word2Vec(corpus_file=text, vector_size=int(dims), workers=int(threads), epochs=int(epochs), sg=1, seed=1)
    model.wv.save_word2vec_format(target, binary=True)
"""


def measure_whole_process(arguments: argparse.Namespace, folder: Path) -> None:
    """Compare the wall time of whole runs on the corpus, 5 epochs: from the interpreter's start to saved vectors."""
    firth_rates, gensim_rates = [], []
    numbers = [str(arguments.dims), str(arguments.threads), str(arguments.epochs)]
    for number in range(arguments.rounds):
        gensim = [
            sys.executable,
            "-c",
            textwrap.dedent(GENSIM_PROCESS),
            str(arguments.text),
            str(folder / "g"),
            *numbers,
        ]
        gensim_rates.append(1 / run_seconds(gensim))
        firth = [
            sys.executable, "-m", "firth", "train", str(arguments.text), "-o", str(folder / f"model{number}"),
            "--quiet", "--dims", numbers[0], "--threads", numbers[1], "--epochs", numbers[2],
        ]  # fmt: skip
        firth_rates.append(1 / run_seconds(firth))
    show_ratios("whole process", "runs/s (firth, gensim)", firth_rates, gensim_rates, "must 10, aim 16")


def run_seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


MEMORY_PROCESS = """
    import sys, firth
    def anonymous():
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
    before = anonymous()
    print("start", before, flush=True)
    model = firth.train(sys.argv[1], dims=int(sys.argv[2]), threads=int(sys.argv[3]), epochs=1, progress=False)
    words = sum(sys.getsizeof(word) + 8 for word in model.vectors.words)
    print("end", model.vectors.matrix.shape[0], words, flush=True)
"""


def measure_memory(arguments: argparse.Namespace, folder: Path) -> None:
    """Print the peak RssAnon minus RssAnon after the import, minus the bytes of both matrices and the vocabulary."""
    command = [sys.executable, "-c", textwrap.dedent(MEMORY_PROCESS), arguments.text, arguments.dims, arguments.threads]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    peak, done = 0, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.005):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):  # the process has ended
                return
            peak = max([peak] + [int(x.split()[1]) * 1024 for x in status.splitlines() if x.startswith("RssAnon")])

    sampler = threading.Thread(target=sample)
    sampler.start()
    lines = process.communicate()[0].splitlines()
    done.set()
    sampler.join()
    before = int(lines[0].split()[1])
    n_words, word_bytes = (int(number) for number in lines[1].split()[1:])
    row_bytes = -(-arguments.dims * 4 // 64) * 64
    matrices = 2 * n_words * row_bytes
    rest = (peak - before - matrices - word_bytes) / 2**20
    print(
        f"memory beside matrices ({matrices / 2**20:.0f} MB) and vocabulary ({word_bytes / 2**20:.0f} MB):"
        f" {rest:.0f} MB; must 150, aim 80"
    )


def measure_import(arguments: argparse.Namespace, folder: Path) -> None:
    firth_seconds, numpy = [], []
    for _ in range(arguments.rounds):
        numpy.append(run_seconds([sys.executable, "-c", "import numpy"]))
        firth_seconds.append(run_seconds([sys.executable, "-c", "import firth"]))
    bare = statistics.median(run_seconds([sys.executable, "-c", "pass"]) for _ in range(arguments.rounds))
    own = statistics.median(a - b for a, b in zip(firth_seconds, numpy, strict=True))
    print(
        f"import firth: {statistics.median(firth_seconds) - bare:.3f} s, of which beyond NumPy's {own:.3f} s;"
        " must 0.2 s, aim NumPy's own + 0.03 s"
    )


def measure_peak_share(arguments: argparse.Namespace, folder: Path) -> None:
    """Print the Gflop/s of the units' matrix products on one core, and its share of the processor's (``--peak``).

    A unit of m context words and n output rows takes 6 m n D flops: logits, and the two halves of the update.
    """
    import firth

    products = products_per_example(firth.encode_corpus(arguments.text, folder=folder / "encoded"))
    reached = []
    for _ in range(arguments.rounds):
        history = firth.train(arguments.text, dims=arguments.dims, threads=1, epochs=1, progress=False).history
        reached.append(6 * products * history.epochs[0].n_examples * arguments.dims / history.train_seconds / 1e9)
    median = statistics.median(reached)
    print(
        f"{median:.1f} Gflop/s on one core, {median / arguments.peak:.0%} of {arguments.peak:g};"
        f" {products:.2f} products of rows for each pair of words (window by window: 6)"
    )


def products_per_example(corpus: EncodedCorpus, n_tokens: int = 100_000) -> float:
    """Number of pairs of rows that units multiply, for each pair of words, on the first tokens of a corpus."""
    from firth.kernels.config import TrainingConfig
    from firth.kernels.plan import PlanTables, group_units, plan_windows

    config = TrainingConfig().resolved()
    tables = PlanTables.build(corpus.vocabulary.counts, config)
    lines = corpus.offsets[: np.searchsorted(corpus.offsets, n_tokens)]
    windows = plan_windows(corpus.ids[: lines[-1]], lines, tables, config, epoch=0, start=0, stop=int(lines[-1]))
    products = examples = 0
    for unit in group_units(windows):
        context = {word for window in unit for word in window.context_ids}
        products += len(context) * (len(unit) + len(unit[0].negative_ids))
        examples += sum(len(window.context_ids) for window in unit)
    return products / examples


def measure_accuracy(arguments: argparse.Namespace, folder: Path) -> None:
    import firth
    from firth.vectors.evaluation import evaluate_analogies, evaluate_word_pairs

    evaluation = Path(os.environ["FIRTH_DATA"]) / "eval"
    rows = []
    for seed in arguments.seeds:
        vectors = firth.train(
            arguments.text, architecture=arguments.architecture, loss=arguments.loss, dims=arguments.dims, seed=seed,
            threads=arguments.threads, epochs=arguments.epochs, deterministic=arguments.deterministic, progress=False,
            **dict(arguments.set),
        ).vectors  # fmt: skip
        analogies = evaluate_analogies(vectors, evaluation / "questions-words.txt", restrict_vocabulary=30_000)
        pairs = [evaluate_word_pairs(vectors, evaluation / name).spearman for name in PAIR_FILES]
        rows.append((100 * analogies.accuracy, *pairs))
        print(json.dumps({"seed": seed, "analogies": rows[-1][0], "pairs": pairs}), flush=True)
    means, deviations, n_theirs = GENSIM_SCORES[arguments.architecture, arguments.loss]
    for name, column, mean, deviation, floor in zip(
        ("analogies", "WordSim-353", "SimLex-999", "MEN"), zip(*rows, strict=True), means, deviations,
        (-0.5, -0.015, -0.015, -0.015), strict=True,
    ):  # fmt: skip
        own = statistics.stdev(column) if len(column) > 1 else 0.0
        error = (own**2 / len(column) + deviation**2 / n_theirs) ** 0.5
        difference = statistics.mean(column) - mean
        print(
            f"{name}: {statistics.mean(column):.4g} (sd {own:.2g}) against {mean:.4g}; difference {difference:+.4f},"
            f" two standard errors {2 * error:.4f}; sum {difference + 2 * error:+.4f}, must be at least {floor}"
        )


if __name__ == "__main__":
    main()
