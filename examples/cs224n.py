"""The course assignment from sigmoid to word vectors: Stanford CS224n, assignment 1, with firth's functions.

    python examples/cs224n.py [TREEBANK] [--output FOLDER] [--iterations N] [--quick]

TREEBANK is a file of sentences, or a folder with the Stanford Sentiment Treebank: the course's four files, or trees.
The default is the folder ``sst`` of FIRTH_DATA. ``--quick`` trains for 300 iterations instead of 40,000.
docs/course.md explains each step.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import sys
import time
from pathlib import Path

import numpy as np

from firth.compat.cs224n import (
    StanfordSentiment,
    cbow,
    forward_backward_prop,
    gradcheck_naive,
    negSamplingCostAndGradient,
    normalizeRows,
    sgd,
    sigmoid,
    sigmoid_grad,
    skipgram,
    softmax,
    softmaxCostAndGradient,
    word2vec_batch,
    word2vec_sgd_wrapper,
)
from firth.errors import FirthError

# The course's settings of q3_run.py.
N_DIMS = 10
CONTEXT = 5
STEP = 0.3
ITERATIONS = 40_000
QUICK_ITERATIONS = 300
VISUALIZED_WORDS = (
    *("the", "a", "an", ",", ".", "?", "!", "``", "''", "--"),
    *("good", "great", "cool", "brilliant", "wonderful", "well", "amazing", "worth", "sweet", "enjoyable"),
    *("boring", "bad", "waste", "dumb", "annoying"),
)

SHOW_EVERY = 100  # sgd prints a line every ten iterations; the first and each 100th line is shown


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("treebank", nargs="?", help="folder or file (default: $FIRTH_DATA/sst)")
    parser.add_argument("--output", default="cs224n-output", help="folder for saved parameters and the plot")
    parser.add_argument("--iterations", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help=f"train for {QUICK_ITERATIONS} iterations")
    options = parser.parse_args(arguments)

    treebank = options.treebank and os.path.abspath(options.treebank)
    if treebank is None:
        if "FIRTH_DATA" not in os.environ:
            parser.error("give the treebank's folder, or set FIRTH_DATA to a folder that has the treebank as sst")
        treebank = os.path.abspath(os.path.join(os.environ["FIRTH_DATA"], "sst"))
    iterations = options.iterations or (QUICK_ITERATIONS if options.quick else ITERATIONS)
    try:
        dataset = StanfordSentiment(treebank)
        show_activations()
        check_gradients()
        check_word2vec()
        word_vectors, tokens = train(dataset, Path(options.output), iterations)
        plot(word_vectors, tokens, Path(options.output) / "q3_word_vectors.png")
    except FirthError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def show_activations() -> None:
    print("== Questions 1 and 2: softmax, sigmoid ==")
    print("softmax of [[1001, 1002], [3, 4]]:", softmax(np.array([[1001, 1002], [3, 4]])).tolist())
    x = np.array([[1.0, 2.0], [-1.0, -2.0]])
    print("sigmoid of [[1, 2], [-1, -2]]:", sigmoid(x).round(8).tolist())
    print("its gradient:", sigmoid_grad(sigmoid(x)).round(8).tolist())


def check_gradients() -> None:
    print("\n== Question 2: the gradient checker, and the two-layer network ==")
    random.seed(314)
    np.random.seed(314)

    def quadratic(x):
        return np.sum(x**2), 2 * x

    gradcheck_naive(quadratic, np.array(123.456))
    gradcheck_naive(quadratic, np.random.randn(3))
    gradcheck_naive(quadratic, np.random.randn(4, 5))

    n_examples, dimensions = 20, (10, 5, 10)
    data = np.random.randn(n_examples, dimensions[0])
    labels = np.zeros((n_examples, dimensions[2]))
    for example in range(n_examples):
        labels[example, random.randint(0, dimensions[2] - 1)] = 1
    n_parameters = (dimensions[0] + 1) * dimensions[1] + (dimensions[1] + 1) * dimensions[2]
    gradcheck_naive(
        lambda params: forward_backward_prop(data, labels, params, dimensions), np.random.randn(n_parameters)
    )


class FiveWords:
    """The course's substitute for a corpus: random contexts of five words, which all have the same probability."""

    words = "abcde"

    def sampleTokenIdx(self):
        return random.randint(0, 4)

    def getRandomContext(self, C):
        return self.words[random.randint(0, 4)], [self.words[random.randint(0, 4)] for _ in range(2 * C)]


def check_word2vec() -> None:
    print("\n== Question 3: word2vec, checked on five words ==")
    dataset, tokens = FiveWords(), {word: word_id for word_id, word in enumerate(FiveWords.words)}
    random.seed(31415)
    np.random.seed(9265)
    vectors = normalizeRows(np.random.randn(10, 3))
    for name, model in (("skip-gram", skipgram), ("CBOW", cbow)):
        for loss in (softmaxCostAndGradient, negSamplingCostAndGradient):
            print(f"{name} with {loss.__name__}: ", end="")
            gradcheck_naive(
                lambda x, model=model, loss=loss: word2vec_sgd_wrapper(model, tokens, x, dataset, 5, loss), vectors
            )
    inputs, outputs = vectors[:5], vectors[5:]
    print("skip-gram of c over a b e d b c:", skipgram("c", 3, list("abedbc"), tokens, inputs, outputs, dataset)[0])
    print("CBOW of a over a b c a:", cbow("a", 2, list("abca"), tokens, inputs, outputs, dataset)[0])


class _Thinned(io.TextIOBase):
    """Shows the first line that sgd prints and every hundredth line. Keeps the average of the last line."""

    def __init__(self, shown):
        self.shown = shown
        self.n_lines = 0
        self.average = float("nan")

    def write(self, text):
        for line in re.findall(r"iter \d+: \S+", text):
            self.average = float(line.split()[-1])
            self.n_lines += 1
            if self.n_lines == 1 or self.n_lines % SHOW_EVERY == 0:
                self.shown.write(f"{line}\n")
                self.shown.flush()
        return len(text)


def train(dataset: StanfordSentiment, folder: Path, iterations: int) -> tuple[np.ndarray, dict[str, int]]:
    """Train skip-gram with negative sampling by SGD.

    Parameters are saved every 5,000 iterations. The next call continues from the saved parameters.
    """
    print("\n== Question 3: word vectors ==")
    random.seed(314)
    tokens = dataset.tokens()
    n_words = len(tokens)
    print(f"{dataset.numSentences():,} sentences, {n_words:,} words")

    random.seed(31415)
    np.random.seed(9265)
    started = time.perf_counter()
    word_vectors = np.concatenate([(np.random.rand(n_words, N_DIMS) - 0.5) / N_DIMS, np.zeros((n_words, N_DIMS))])
    thinned = _Thinned(sys.stdout)
    folder.mkdir(parents=True, exist_ok=True)
    working_folder = Path.cwd()
    os.chdir(folder)  # like the course's code, sgd saves to the working folder
    try:
        with contextlib.redirect_stdout(thinned):
            word_vectors = sgd(
                lambda vectors: word2vec_batch(tokens, vectors, dataset, CONTEXT),
                word_vectors,
                STEP,
                iterations,
                None,
                True,
                PRINT_EVERY=10,
            )
    finally:
        os.chdir(working_folder)
    if thinned.n_lines:
        print(f"sanity check: cost at convergence should be around or below 10: {thinned.average:.3f}")
        print(f"training took {time.perf_counter() - started:.0f} seconds")
    else:
        print(f"nothing left to train; delete {folder / 'saved_params_*.npz'} to start again")
    return word_vectors, tokens


def plot(word_vectors: np.ndarray, tokens: dict[str, int], path: Path) -> None:
    """Plot the course's words: centered vectors, projected on the first two eigenvectors of their covariance."""
    try:
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("no plot: matplotlib is not installed; pip install 'firth[plot]'")
        return
    words = [word for word in VISUALIZED_WORDS if word in tokens]
    if len(words) < 3:
        print(f"no plot: the corpus has only {len(words)} of the {len(VISUALIZED_WORDS)} words")
        return
    vectors = word_vectors[[tokens[word] for word in words]]
    centered = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centered.T @ centered / len(words))[0]
    points = centered @ axes[:, :2]

    figure, axis = plt.subplots(figsize=(8, 6))
    for word, (x, y) in zip(words, points, strict=True):
        axis.text(x, y, word, bbox={"facecolor": "green", "alpha": 0.1}, parse_math=False)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    axis.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axis.set_ylim(low[1] - margin[1], high[1] + margin[1])
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
    print(f"plot of {len(words)} words: {path}")


if __name__ == "__main__":
    sys.exit(main())
