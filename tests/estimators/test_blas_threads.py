"""Small products take one BLAS thread, whoever asks, and the number of threads is as before afterwards."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")

from firth.estimators import SigmoidNetworkClassifier, blas_threads  # noqa: E402
from firth.estimators.blas_threads import limit_blas_threads  # noqa: E402


def blas_threads_now() -> set[int]:
    return {info["num_threads"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if blas_threads_now() != {2}:
            pytest.skip("the BLAS library has one thread here, or its threads cannot be set")
        yield


def make_examples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(1500, 60)).astype(np.float32)
    return inputs, (inputs @ rng.normal(size=(60, 3)) + rng.gumbel(size=(1500, 3))).argmax(axis=1)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_has_one_thread_and_gives_the_others_back(two_threads, solver: str) -> None:
    inputs, labels = make_examples()
    seen: list[set[int]] = []
    network = SigmoidNetworkClassifier(
        40, solver=solver, max_iter=4, random_state=1, progress=lambda number, loss: seen.append(blas_threads_now())
    )
    network.fit(inputs, labels)
    assert seen == [{1}] * 4
    assert blas_threads_now() == {2}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_classifier_does_not_depend_on_the_number_of_threads(two_threads) -> None:
    inputs, labels = make_examples()

    def train() -> bytes:
        network = SigmoidNetworkClassifier(40, max_iter=30, random_state=1).fit(inputs, labels)
        return network.parameters_.tobytes() + network.predict_proba(inputs).tobytes()

    with_two = train()
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert train() == with_two


def test_predicting_and_partial_fit_have_one_thread(two_threads, monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.estimators import network as module

    inputs, labels = make_examples()
    network = SigmoidNetworkClassifier(8, solver="adam", random_state=1)
    seen: list[set[int]] = []

    def watch(function):
        def watched(*arguments, **named):
            seen.append(blas_threads_now())
            return function(*arguments, **named)

        return watched

    monkeypatch.setattr(module.Batches, "run_epoch", watch(module.Batches.run_epoch))
    for name in ("network_probabilities", "network_log_probabilities"):
        monkeypatch.setattr(module, name, watch(getattr(module, name)))
    network.partial_fit(inputs, labels, classes=[0, 1, 2])
    network.predict(inputs)
    network.predict_log_proba(inputs)
    assert seen == [{1}] * 3
    assert blas_threads_now() == {2}


def test_large_products_have_all_threads(two_threads) -> None:
    with limit_blas_threads(blas_threads.MANY_OPERATIONS):
        assert blas_threads_now() == {2}
    with limit_blas_threads(blas_threads.MANY_OPERATIONS - 1):
        assert blas_threads_now() == {1}


def test_python_threads_that_overlap_leave_no_limit() -> None:
    """The one that enters second must not take the first one's limit for what was there before."""
    before = blas_threads_now()
    if before == {1}:
        pytest.skip("the BLAS library has one thread here")
    first_inside, second_inside, first_left = threading.Event(), threading.Event(), threading.Event()
    seen: list[set[int]] = []

    def first() -> None:
        with limit_blas_threads(1):
            first_inside.set()
            second_inside.wait(10)
        first_left.set()

    def second() -> None:
        first_inside.wait(10)
        with limit_blas_threads(1):
            seen.append(blas_threads_now())
            second_inside.set()
            first_left.wait(10)

    workers = [threading.Thread(target=work) for work in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert seen == [{1}]
    assert blas_threads_now() == before


def test_an_exception_lifts_the_limit(two_threads) -> None:
    with pytest.raises(ZeroDivisionError), limit_blas_threads(1):
        1 / 0  # noqa: B018
    assert blas_threads_now() == {2}
