"""Classifies the sentiment of sentences by averaged word vectors: Stanford Sentiment Treebank, five classes.

    python examples/sentiment.py [DATA] [--output FOLDER] [--seeds 5] [--quick]

DATA is a folder with ``sst/{train,dev,test}.txt`` (labelled trees), ``enwiki-featured.txt.xz`` and
``interop/glove.6B.50d.top8390.txt``. The default is FIRTH_DATA. The program writes to FOLDER: the vectors that firth
trains (the next run uses them again), ``results.md``, ``results.json``, the plots, and the predictions. ``--quick``
trains vectors on the treebank alone, with one seed and few epochs. docs/sentiment.md discusses the results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning

import firth
from firth.errors import FirthError
from firth.estimators import SigmoidNetworkClassifier
from firth.estimators.confusion import compute_confusion

CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")
STRENGTHS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)  # strengths of the penalty; the best on dev is chosen
NETWORK_STRENGTHS = (1e-3, 1e-2, 3e-2)
N_HIDDEN = 50
MIN_PHRASE_WORDS = 4  # shorter phrases hardly help to classify sentences

CHOSEN_WORDS = (
    *("good", "great", "cool", "brilliant", "wonderful", "well", "amazing", "worth", "sweet", "enjoyable"),
    *("bad", "boring", "waste", "dumb", "annoying", "worst", "mess", "dull", "fails", "stupid"),
    *("the", "a", "film", "movie", "story", "director", "not", "n't", "but", "very"),
)


@dataclass(frozen=True)
class Sentence:
    """The words of a tree, and its phrases: label, first word, and word after the last. The sentence comes first."""

    words: list[str]
    phrases: list[tuple[int, int, int]]

    @property
    def label(self) -> int:
        return self.phrases[0][0]


@dataclass(frozen=True)
class Space:
    """A name, and one or more sets of word vectors. Features of a text are the averages of each set, concatenated."""

    name: str
    blocks: tuple[dict[str, np.ndarray], ...]

    @property
    def dims(self) -> int:
        return sum(len(next(iter(block.values()))) for block in self.blocks)


# -- the treebank -----------------------------------------------------------------------------------------------------


def read_trees(path: Path) -> list[Sentence]:
    """Read trees such as ``(3 (2 It) (4 shines))``, one a line; words are lower-cased."""
    sentences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words: list[str] = []
        open_nodes: list[tuple[int, int]] = []
        phrases: list[tuple[int, int, int]] = []
        for label, word, _ in re.findall(r"\((\d)|([^\s()]+)|(\))", line):
            if label:
                open_nodes.append((int(label), len(words)))
            elif word:
                words.append(word.lower())
            else:
                node_label, start = open_nodes.pop()
                phrases.append((node_label, start, len(words)))
        if open_nodes or not phrases:
            raise SystemExit(f"{path}, line {number} must be a tree, got {line[:60]!r}")
        sentences.append(Sentence(words, phrases[::-1]))
    return sentences


# -- vectors ----------------------------------------------------------------------------------------------------------


def train_text_vectors(data: Path, train: list[Sentence], folder: Path, *, quick: bool) -> firth.WordVectors:
    """Vectors trained on text without labels: enwiki-featured, and the training sentences, repeated five times."""
    if not (folder / "config.json").exists():
        treebank = folder.parent / "treebank.txt"
        treebank.write_text("".join(" ".join(sentence.words) + "\n" for sentence in train) * 5)
        corpora = [treebank] if quick else [data / "enwiki-featured.txt.xz", treebank]
        firth.train(corpora, output=folder, dims=50 if quick else 300, min_count=3, epochs=5, seed=1)
    return firth.load(folder).vectors


def phrases_in_company(train: list[Sentence], seed: int) -> list[list[str]]:
    """Each phrase of the training trees, with the phrase's label after each word: the label is a context word too.

    The order is random: training is worse if phrases of one sentence follow each other at the same learning rate.
    """
    phrases = []
    for sentence in train:
        for label, start, stop in sentence.phrases:
            tokens: list[str] = []
            for word in sentence.words[start:stop]:
                tokens += [word, f"__label__{label}"]
            phrases.append(tokens)
    random.Random(seed).shuffle(phrases)
    return phrases


def train_company_vectors(train: list[Sentence], folder: Path, seed: int, *, quick: bool) -> firth.WordVectors:
    """Vectors trained on the training phrases with their labels. The text has no dev and no test sentences."""
    if not (folder / "config.json").exists():
        firth.train(
            phrases_in_company(train, seed),
            output=folder,
            dims=50,
            window=2,
            negative_sharing="pair",
            min_count=1,
            subsample=0,
            epochs=1 if quick else 3,
            seed=seed,
        )
    return firth.load(folder).vectors


def as_block(vectors: firth.WordVectors) -> dict[str, np.ndarray]:
    return dict(zip(vectors.words, np.asarray(vectors.matrix), strict=True))


# -- features ---------------------------------------------------------------------------------------------------------


def average(
    sentences: Sequence[Sentence], space: Space, *, phrases: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean vector of each text's known words, the labels, and the lengths in words. No known word gives zeros."""
    spans = [
        (sentence, phrase)
        for sentence in sentences
        for phrase in (sentence.phrases if phrases else sentence.phrases[:1])
        if phrase is sentence.phrases[0] or phrase[2] - phrase[1] >= MIN_PHRASE_WORDS
    ]
    features = np.zeros((len(spans), space.dims), np.float32)
    left = 0
    for block in space.blocks:
        n_dims = len(next(iter(block.values())))
        zeros = np.zeros(n_dims, np.float32)
        current = None
        for row, (sentence, (_, start, stop)) in enumerate(spans):
            if sentence is not current:
                current = sentence
                rows = np.array([block.get(word, zeros) for word in sentence.words], np.float32)
                sums = np.vstack([zeros, np.cumsum(rows, axis=0)])
                known = np.concatenate([[0], np.cumsum([word in block for word in sentence.words])])
            features[row, left : left + n_dims] = (sums[stop] - sums[start]) / max(known[stop] - known[start], 1)
        left += n_dims
    labels = np.array([phrase[0] for _, phrase in spans])
    lengths = np.array([phrase[2] - phrase[1] for _, phrase in spans])
    return features, labels, lengths


class Experiment:
    """The standardised features of the sentences in one space and, if needed, of the training phrases."""

    def __init__(self, space: Space, train: list[Sentence], dev: list[Sentence], test: list[Sentence]) -> None:
        self.space, self._train = space, train
        self.train, self.train_labels, _ = average(train, space)
        self.center, self.scale = self.train.mean(axis=0), self.train.std(axis=0) + 1e-9
        self.train = self._standardised(self.train)
        dev_features, self.dev_labels, _ = average(dev, space)
        test_features, self.test_labels, _ = average(test, space)
        self.dev, self.test = self._standardised(dev_features), self._standardised(test_features)
        self._phrases: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def phrases(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, labels and weights of the training phrases.

        The weight of a phrase is the square root of its length, times a factor for its class. The factors give each
        class the share that it has among sentences, because more phrases than sentences are neutral.
        """
        if self._phrases is None:
            features, labels, lengths = average(self._train, self.space, phrases=True)
            weights = np.sqrt(lengths)
            wanted = np.bincount(self.train_labels, minlength=5) / len(self.train_labels)
            found = np.bincount(labels, weights, minlength=5) / weights.sum()
            self._phrases = self._standardised(features), labels, weights * (wanted / found)[labels]
        return self._phrases

    def fit(self, n_hidden: int, l2: float, seed: int, *, phrases: bool, quick: bool) -> SigmoidNetworkClassifier:
        """Fit a classifier: softmax regression on sentences by L-BFGS, all others by Adam."""
        if phrases:
            model = SigmoidNetworkClassifier(
                n_hidden, solver="adam", l2=l2, max_iter=1 if quick else 4, random_state=seed
            )
            features, labels, weights = self.phrases()
        elif n_hidden:
            model = SigmoidNetworkClassifier(
                n_hidden, solver="adam", l2=l2, max_iter=5 if quick else 15, batch_size=100, random_state=seed
            )
            features, labels, weights = self.train, self.train_labels, None
        else:
            model = SigmoidNetworkClassifier(0, l2=l2, max_iter=50 if quick else 500)
            features, labels, weights = self.train, self.train_labels, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # Adam runs a fixed number of epochs here
            return model.fit(features, labels, weights)

    def _standardised(self, features: np.ndarray) -> np.ndarray:
        return np.asarray((features - self.center) / self.scale, np.float32)


# -- the experiment ---------------------------------------------------------------------------------------------------


def choose_strength(experiment: Experiment, n_hidden: int, *, phrases: bool, quick: bool) -> tuple[float, list[dict]]:
    """The strength of the penalty with the best accuracy on dev, and the accuracies of all strengths."""
    strengths = (STRENGTHS if not n_hidden and not phrases else NETWORK_STRENGTHS)[: 2 if quick else None]
    sweep = []
    for l2 in strengths:
        model = experiment.fit(n_hidden, l2, 1, phrases=phrases, quick=quick)
        sweep.append(
            {
                "l2": l2,
                "train": model.score(experiment.train, experiment.train_labels),
                "dev": model.score(experiment.dev, experiment.dev_labels),
            }
        )
    return max(sweep, key=lambda row: row["dev"])["l2"], sweep


def run(data: Path, output: Path, n_seeds: int, *, quick: bool) -> dict:
    """Train the vectors, then measure each combination of space, classifier and training labels."""
    train, dev, test = (read_trees(data / "sst" / f"{split}.txt") for split in ("train", "dev", "test"))
    output.mkdir(parents=True, exist_ok=True)
    text = as_block(train_text_vectors(data, train, output / "text-vectors", quick=quick))
    table = firth.read_vectors(data / "interop" / "glove.6B.50d.top8390.txt")
    glove = dict(zip(table.words, table.matrix, strict=True))

    def spaces(seed: int) -> list[Space]:
        folder = output / f"company-vectors-{seed}"
        company = as_block(train_company_vectors(train, folder, seed, quick=quick))
        return [
            Space("GloVe 6B, given", (glove,)),
            Space("firth, text", (text,)),
            Space("firth, company of labels", (company,)),
            Space("firth, text and company", (text, company)),
        ]

    settings = [
        (classifier, n_hidden, labels)
        for classifier, n_hidden in (("softmax regression", 0), (f"network, {N_HIDDEN} hidden", N_HIDDEN))
        for labels in ("sentences", "phrases")
    ]
    results: list[dict] = []
    sweeps: dict[str, list[dict]] = {}
    experiments: dict[str, Experiment] = {}
    best: tuple[float, SigmoidNetworkClassifier, Experiment] | None = None
    for seed in range(1, n_seeds + 1):
        for number, space in enumerate(spaces(seed)):
            if space.name not in experiments or "company" in space.name:  # the others are the same for every seed
                experiments[space.name] = Experiment(space, train, dev, test)
            experiment = experiments[space.name]
            for classifier, n_hidden, labels in settings:
                phrases = labels == "phrases"
                if seed == 1:
                    l2, sweep = choose_strength(experiment, n_hidden, phrases=phrases, quick=quick)
                    if not n_hidden and not phrases:
                        sweeps[space.name] = sweep
                    results.append(
                        {
                            "vectors": space.name,
                            "dims": space.dims,
                            "classifier": classifier,
                            "labels": labels,
                            "l2": l2,
                            "dev": [],
                            "test": [],
                        }
                    )
                row = results[number * len(settings) + settings.index((classifier, n_hidden, labels))]
                started = time.perf_counter()
                model = experiment.fit(n_hidden, row["l2"], seed, phrases=phrases, quick=quick)
                row["dev"].append(model.score(experiment.dev, experiment.dev_labels))
                row["test"].append(model.score(experiment.test, experiment.test_labels))
                print(
                    f"seed {seed}: {space.name}, {classifier}, {labels}, l2 {row['l2']:g}:"
                    f" dev {row['dev'][-1]:.1%}, test {row['test'][-1]:.1%} ({time.perf_counter() - started:.0f} s)",
                    flush=True,
                )
                if seed == 1 and space.name != "GloVe 6B, given" and (best is None or row["dev"][-1] > best[0]):
                    best = row["dev"][-1], model, experiment
    assert best is not None
    _, model, experiment = best
    write_predictions(model, experiment, dev, output)
    confusion = compute_confusion(
        [CLASSES[label] for label in experiment.dev_labels],
        [CLASSES[label] for label in model.predict(experiment.dev)],
        CLASSES,
    )
    confusion.save_picture(output / "confusion.png", title=f"{experiment.space.name}: dev {confusion.accuracy:.1%}")
    plot_sweeps(sweeps, output / "regularization.png")
    company = as_block(train_company_vectors(train, output / "company-vectors-1", 1, quick=quick))
    plot_words({"text": text, "company of labels": company}, output / "words.png")
    report = {"results": results, "sweeps": sweeps, "n_seeds": n_seeds, "quick": quick}
    (output / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    (output / "results.md").write_text(format_table(results))
    return report


def write_predictions(
    model: SigmoidNetworkClassifier, experiment: Experiment, dev: list[Sentence], output: Path
) -> None:
    """Write each dev sentence with its prediction, and the 25 worst errors: most classes apart, most probable first."""
    probabilities = model.predict_proba(experiment.dev)
    predicted = probabilities.argmax(axis=1)
    header = "line\ttrue\tpredicted\tprobability of the predicted\tprobability of the true\tsentence\n"

    def format_row(row: int) -> str:
        true, guess = experiment.dev_labels[row], predicted[row]
        shares = f"{probabilities[row, guess]:.4f}\t{probabilities[row, true]:.4f}"
        return f"{row + 1}\t{true}\t{guess}\t{shares}\t{' '.join(dev[row].words)}\n"

    (output / "predictions-dev.tsv").write_text(header + "".join(map(format_row, range(len(dev)))))
    distance = np.abs(predicted - experiment.dev_labels)
    worst = np.lexsort((-probabilities.max(axis=1), -distance))[:25]
    (output / "worst-errors.tsv").write_text(header + "".join(map(format_row, worst)))


def format_table(results: list[dict]) -> str:
    lines = [
        "| vectors | d | classifier | labels | l2 | dev | test |",
        "|---|---|---|---|---|---|---|",
    ]
    form: Callable[[list[float]], str] = lambda values: f"{100 * np.mean(values):.1f} ± {100 * np.std(values):.1f}"  # noqa: E731
    for row in results:
        cells = (row["vectors"], row["dims"], row["classifier"], row["labels"], f"{row['l2']:g}")
        lines.append(f"| {' | '.join(map(str, cells))} | {form(row['dev'])} | {form(row['test'])} |")
    return "\n".join(lines) + "\n"


def plot_sweeps(sweeps: dict[str, list[dict]], path: Path) -> None:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, sweep) in enumerate(sweeps.items()):
        strengths = [row["l2"] for row in sweep]
        axes.semilogx(strengths, [100 * row["dev"] for row in sweep], "o-", color=f"C{number}", label=name)
        axes.semilogx(strengths, [100 * row["train"] for row in sweep], ":", color=f"C{number}")
    axes.set_xlabel("strength of the penalty, l2")
    axes.set_ylabel("accuracy, %: dev (solid), train (dotted)")
    axes.set_title("Softmax regression, sentence labels")
    axes.legend()
    figure.savefig(path, dpi=150)


def plot_words(blocks: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Plot the chosen words, projected on the two main axes of each space."""
    figure = Figure(figsize=(6 * len(blocks), 5.5), layout="constrained")
    for axes, (name, block) in zip(figure.subplots(1, len(blocks)), blocks.items(), strict=True):
        words = [word for word in CHOSEN_WORDS if word in block]
        rows = np.array([block[word] for word in words], np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # without lengths, which grow with the words' frequency
        rows -= rows.mean(axis=0)
        left, lengths, _ = np.linalg.svd(rows, full_matrices=False)
        points = left[:, :2] * lengths[:2]
        axes.set_xlim(points[:, 0].min() - 0.1, points[:, 0].max() + 0.1)
        axes.set_ylim(points[:, 1].min() - 0.1, points[:, 1].max() + 0.1)
        for word, (x, y) in zip(words, points, strict=True):
            color = f"C{2 if word in CHOSEN_WORDS[:10] else 3 if word in CHOSEN_WORDS[10:20] else 7}"
            axes.text(x, y, word, color=color, ha="center", va="center", fontsize=9)
        axes.set_title(f"firth, {name}: two main axes")
    figure.savefig(path, dpi=150)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="folder of the data (default: FIRTH_DATA)")
    parser.add_argument("--output", type=Path, default=Path("sentiment-output"), help="folder for all results")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--quick", action="store_true", help="the treebank alone, one seed, few epochs")
    options = parser.parse_args(arguments)
    if options.data is None:
        if not os.environ.get("FIRTH_DATA"):
            parser.error("give DATA, or set FIRTH_DATA")
        options.data = Path(os.environ["FIRTH_DATA"])
    try:
        report = run(options.data, options.output, 1 if options.quick else options.seeds, quick=options.quick)
    except FirthError as error:
        print(f"sentiment: {error}", file=sys.stderr)
        return 2
    print(format_table(report["results"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
