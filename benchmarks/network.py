"""Compares SigmoidNetworkClassifier with scikit-learn's MLPClassifier: the time of an epoch and a prediction, the loss.

    python benchmarks/network.py [--rounds 7]

Both train with Adam, and with the same sizes, batches, float type, penalty, initial parameters and order of examples.
The runs of a round alternate, so that other programs affect both; a ratio above 1 means that firth is faster.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from firth.estimators import SigmoidNetworkClassifier

N_HIDDEN = 100
BATCH_SIZE = 200
ALPHA = 1e-4  # the penalty of MLPClassifier, which divides it by the size of the batch
SEEDS = range(5)


def make_mlp(epochs: int, seed: int = 0) -> MLPClassifier:
    return MLPClassifier(
        (N_HIDDEN,),
        activation="logistic",
        solver="adam",
        alpha=ALPHA,
        batch_size=BATCH_SIZE,
        max_iter=epochs,
        tol=0.0,
        n_iter_no_change=10_000,
        random_state=seed,
    )


def make_network(epochs: int, seed: int = 0) -> SigmoidNetworkClassifier:
    return SigmoidNetworkClassifier(
        N_HIDDEN,
        solver="adam",
        l2=ALPHA / BATCH_SIZE,
        batch_size=BATCH_SIZE,
        max_iter=epochs,
        tol=0.0,
        n_iter_no_change=10_000,
        random_state=seed,
    )


def make_large() -> tuple[np.ndarray, np.ndarray]:
    """Random inputs (20,000, 300) and labels of five classes."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(20_000, 300))
    scores = inputs @ generator.normal(size=(300, 5)) + generator.gumbel(scale=5, size=(20_000, 5))
    return inputs, scores.argmax(axis=1)


def time_once(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def describe(ratios: list[float]) -> str:
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return f"{middle:.2f}x (quartiles {low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore", ConvergenceWarning)
    digits, digit_labels = load_digits(return_X_y=True)
    large, large_labels = make_large()
    for name, inputs, labels, epochs in (
        ("digits, 1,797 x 64", digits / 16, digit_labels, 20),
        ("20,000 x 300", large, large_labels, 2),
    ):
        for dtype in (np.float64, np.float32):
            data = inputs.astype(dtype)
            fit_ratios, predict_ratios, times = [], [], []
            for _ in range(rounds):
                mlp, network = make_mlp(epochs), make_network(epochs)
                mlp_time = time_once(lambda: mlp.fit(data, labels))  # noqa: B023
                firth_time = time_once(lambda: network.fit(data, labels))  # noqa: B023
                times.append(firth_time / epochs)
                fit_ratios.append(mlp_time / firth_time)
                for _ in range(3):
                    mlp_time = time_once(lambda: mlp.predict_proba(data))  # noqa: B023
                    predict_ratios.append(mlp_time / time_once(lambda: network.predict_proba(data)))  # noqa: B023
            print(
                f"{name}, {data.dtype}: epoch {1000 * min(times):.2f} ms, {describe(fit_ratios)};"
                f" predict_proba {describe(predict_ratios)}",
                flush=True,
            )
        mlp_losses, firth_losses = [], []
        for seed in SEEDS:
            mlp_losses.append(make_mlp(epochs, seed).fit(inputs, labels).loss_)
            firth_losses.append(make_network(epochs, seed).fit(inputs, labels).loss_)
        error = np.std(mlp_losses, ddof=1) / np.sqrt(len(SEEDS))
        print(
            f"{name}: loss after {epochs} epochs, mean of {len(SEEDS)} seeds: {np.mean(firth_losses):.6f},"
            f" MLPClassifier {np.mean(mlp_losses):.6f} (standard error {error:.6f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
