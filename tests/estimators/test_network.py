"""SigmoidNetworkClassifier beyond scikit-learn's checks: against its peers there, its parameters, bad input."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from firth.errors import DivergenceError, MissingExtraError, ParameterError, TrainingError
from firth.estimators import SigmoidNetworkClassifier
from firth.numerics.network import network_loss_and_gradient

SOLVERS = ["lbfgs", "adam", "sgd"]
STOCHASTIC = ["adam", "sgd"]


@pytest.fixture(scope="module")
def digits():
    inputs, labels = load_digits(return_X_y=True)
    return inputs[:300] / 16, labels[:300]


@pytest.fixture(scope="module")
def iris():
    inputs, labels = load_iris(return_X_y=True)
    return (inputs - inputs.mean(axis=0)) / inputs.std(axis=0), labels


def fit_quietly(estimator, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*arguments, **keywords)


# -- second opinions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["adam", "sgd", "sgd without Nesterov", "sgd without momentum"])
def test_the_same_seed_gives_the_trajectory_of_mlp_classifier(digits, solver, dtype):
    """Same initial parameters, same batches, same optimizer: the same losses, epoch by epoch, and the same weights."""
    inputs, labels = digits[0].astype(dtype), digits[1]
    sgd = {
        "momentum": 0.0 if "without momentum" in solver else 0.9,
        "nesterov": "without Nesterov" not in solver,
    }
    common = {"solver": solver.split()[0], "max_iter": 15, "batch_size": 60, "tol": 0.0, "random_state": 3}
    theirs = fit_quietly(
        MLPClassifier(
            (30,),
            activation="logistic",
            alpha=0.006,
            learning_rate_init=0.01,
            momentum=sgd["momentum"],
            nesterovs_momentum=sgd["nesterov"],
            n_iter_no_change=100,
            **common,
        ),
        inputs,
        labels,
    )
    ours = fit_quietly(
        SigmoidNetworkClassifier(30, l2=0.006 / 60, learning_rate=0.01, n_iter_no_change=100, **sgd, **common),
        inputs,
        labels,
    )
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=tolerance)
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, atol=100 * tolerance)
    np.testing.assert_allclose(ours.predict_proba(inputs), theirs.predict_proba(inputs), atol=100 * tolerance)


@pytest.mark.parametrize("weighted", [False, True])
def test_without_hidden_units_it_is_logistic_regression(iris, weighted):
    inputs, labels = iris
    weights = np.linspace(0.5, 1.5, len(labels)) if weighted else None
    total = len(labels) if weights is None else weights.sum()
    ours = SigmoidNetworkClassifier(0, l2=0.01, tol=1e-7, max_iter=1000).fit(inputs, labels, weights)
    theirs = LogisticRegression(C=1 / (0.01 * total), tol=1e-10, max_iter=10_000).fit(inputs, labels, weights)
    np.testing.assert_allclose(ours.predict_proba(inputs), theirs.predict_proba(inputs), atol=1e-5)


@pytest.mark.parametrize("n_hidden", [0, 5])
def test_lbfgs_ends_where_the_gradient_vanishes(iris, n_hidden):
    inputs, labels = iris
    model = SigmoidNetworkClassifier(n_hidden, l2=0.01, tol=1e-7, max_iter=5000, random_state=0).fit(inputs, labels)
    loss, gradient = network_loss_and_gradient(
        model.parameters_, inputs, labels, model.sizes_, reduction="mean", l2=0.01
    )
    assert np.abs(gradient).max() < 1e-5
    assert model.loss_ == pytest.approx(loss, rel=1e-12)
    assert model.loss_curve_ == sorted(model.loss_curve_, reverse=True)
    assert len(model.loss_curve_) == model.n_iter_


# -- what the parameters do -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_learns_and_keeps_the_float_type(digits, solver, dtype):
    inputs, labels = digits[0].astype(dtype), digits[1]
    rate = 0.01 if solver == "adam" else None
    model = SigmoidNetworkClassifier(20, solver=solver, learning_rate=rate, batch_size=30, max_iter=40, random_state=0)
    fit_quietly(model, inputs, labels)
    assert model.score(inputs, labels) > 0.97
    assert model.parameters_.dtype == dtype
    assert model.predict_proba(inputs).dtype == dtype
    np.testing.assert_allclose(model.predict_log_proba(inputs), np.log(model.predict_proba(inputs)), atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_and_dense_inputs_give_the_same_model(digits, solver):
    inputs, labels = digits
    model = SigmoidNetworkClassifier(10, solver=solver, max_iter=5, random_state=0)
    dense = fit_quietly(clone(model), inputs, labels)
    sparse = fit_quietly(clone(model), scipy.sparse.csr_array(inputs), labels)
    np.testing.assert_allclose(sparse.parameters_, dense.parameters_, atol=1e-8)
    np.testing.assert_allclose(
        sparse.predict_proba(scipy.sparse.csr_matrix(inputs)), dense.predict_proba(inputs), atol=1e-8
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_deterministic_from_random_state(digits, solver):
    inputs, labels = digits
    fits = [
        fit_quietly(SigmoidNetworkClassifier(10, solver=solver, max_iter=4, random_state=seed), inputs, labels)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(fits[0].parameters_, fits[1].parameters_)
    assert (fits[0].parameters_ != fits[2].parameters_).any()


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_without_shuffling_the_order_is_the_data_s(digits, solver):
    inputs, labels = digits
    model = SigmoidNetworkClassifier(
        10, solver=solver, shuffle=False, max_iter=2, batch_size=100, random_state=0, learning_rate=0.01
    )
    whole = fit_quietly(clone(model), inputs, labels)
    parts = clone(model)
    for _ in range(2):
        for start in range(0, len(inputs), 100):
            parts.partial_fit(inputs[start : start + 100], labels[start : start + 100], classes=range(10))
    np.testing.assert_allclose(whole.parameters_, parts.parameters_, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_class_weights_are_sample_weights(iris, solver):
    inputs, labels = iris
    inputs, labels = inputs[:120], labels[:120]  # 50, 50, 20
    weighted = SigmoidNetworkClassifier(4, solver=solver, max_iter=20, random_state=0, class_weight={0: 1, 1: 2, 2: 5})
    plain = SigmoidNetworkClassifier(4, solver=solver, max_iter=20, random_state=0)
    fit_quietly(weighted, inputs, labels)
    fit_quietly(plain, inputs, labels, np.array([1.0, 2.0, 5.0])[labels])
    np.testing.assert_allclose(weighted.parameters_, plain.parameters_, atol=1e-10)
    balanced = clone(plain).set_params(class_weight="balanced")
    fit_quietly(balanced, inputs, labels)
    fit_quietly(plain, inputs, labels, (120 / (3 * np.array([50, 50, 20])))[labels])
    np.testing.assert_allclose(balanced.parameters_, plain.parameters_, atol=1e-10)


def test_weights_count_relative_to_each_other(iris):
    inputs, labels = iris
    weights = np.linspace(0.1, 2, len(labels))
    one, thousand = (
        fit_quietly(SigmoidNetworkClassifier(4, max_iter=30, random_state=0), inputs, labels, factor * weights)
        for factor in (1, 1000)
    )
    np.testing.assert_allclose(one.parameters_, thousand.parameters_, rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_early_stopping_ends_with_the_best_parameters(digits, solver, metric):
    inputs, labels = digits
    inputs = inputs + np.random.default_rng(0).normal(0, 0.6, inputs.shape)  # hard enough to overfit
    model = SigmoidNetworkClassifier(
        20,
        solver=solver,
        l2=0,
        max_iter=200,
        early_stopping=True,
        validation_metric=metric,
        validation_fraction=0.2,
        n_iter_no_change=8,
        learning_rate=0.05,
        random_state=0,
    ).fit(inputs, labels)
    assert len(model.validation_scores_) == model.n_iter_ < 200
    assert model.best_validation_score_ == max(model.validation_scores_)
    shorter = clone(model).set_params(max_iter=int(np.argmax(model.validation_scores_)) + 1, n_iter_no_change=1000)
    fit_quietly(shorter, inputs, labels)
    np.testing.assert_allclose(shorter.parameters_, model.parameters_, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_start_goes_on(digits, solver):
    inputs, labels = digits
    model = SigmoidNetworkClassifier(10, solver=solver, max_iter=5, warm_start=True, random_state=0)
    first = fit_quietly(model, inputs, labels).loss_
    assert fit_quietly(model, inputs, labels).loss_ < first
    assert model.n_iter_ == len(model.loss_curve_) == 10
    with pytest.raises(ParameterError, match=r"classes of the last fit .* got 0, 1, 2, 3, 4; set warm_start=False"):
        model.fit(inputs[labels < 5], labels[labels < 5])
    assert model.warm_start
    fit_quietly(model.set_params(warm_start=False), inputs[labels < 5], labels[labels < 5])
    assert len(model.classes_) == 5


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_partial_fit_is_one_epoch_of_fit(digits, solver):
    inputs, labels = digits
    whole = fit_quietly(SigmoidNetworkClassifier(10, solver=solver, max_iter=1, random_state=0), inputs, labels)
    parts = SigmoidNetworkClassifier(10, solver=solver, random_state=0)
    parts.partial_fit(inputs, labels, classes=np.arange(10))
    np.testing.assert_array_equal(whole.parameters_, parts.parameters_)
    assert parts.loss_curve_ == whole.loss_curve_
    losses = [parts.partial_fit(inputs, labels).loss_ for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert parts.n_iter_ == len(parts.loss_curve_) == 6


def test_partial_fit_takes_parts_without_all_classes(digits):
    inputs, labels = digits
    model = SigmoidNetworkClassifier(20, solver="adam", learning_rate=0.02, batch_size=30, random_state=0)
    model.partial_fit(inputs[labels < 3], labels[labels < 3], classes=range(10))
    for _ in range(30):
        model.partial_fit(inputs, labels)
    assert model.score(inputs, labels) > 0.95
    np.testing.assert_array_equal(model.classes_, np.arange(10))


def test_partial_fit_needs_a_mini_batch_solver():
    assert not hasattr(SigmoidNetworkClassifier(solver="lbfgs"), "partial_fit")
    assert hasattr(SigmoidNetworkClassifier(solver="adam"), "partial_fit")


def test_a_callable_sees_every_epoch(digits):
    seen = []
    model = SigmoidNetworkClassifier(5, solver="adam", max_iter=3, progress=lambda *report: seen.append(report))
    fit_quietly(model, *digits)
    assert seen == list(zip([1, 2, 3], model.loss_curve_, strict=True))


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_bar_is_written_to_stderr(iris, solver, capsys):
    fit_quietly(SigmoidNetworkClassifier(2, solver=solver, max_iter=3, progress=True, random_state=0), *iris)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err
    assert "loss" in captured.err


def test_survives_pickling_and_cloning(digits):
    inputs, labels = digits
    model = SigmoidNetworkClassifier(10, solver="adam", random_state=0)
    model.partial_fit(inputs, labels, classes=range(10))
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(inputs, labels)
    np.testing.assert_array_equal(copy.parameters_, model.parameters_)
    assert not hasattr(clone(model), "parameters_")


def test_shapes_of_weights_with_and_without_hidden_units(iris):
    network = fit_quietly(SigmoidNetworkClassifier(7, max_iter=2, random_state=0), *iris)
    assert [array.shape for array in network.coefs_ + network.intercepts_] == [(4, 7), (7, 3), (7,), (3,)]
    regression = fit_quietly(SigmoidNetworkClassifier(0, max_iter=2), *iris)
    assert [array.shape for array in regression.coefs_ + regression.intercepts_] == [(4, 3), (3,)]


def test_labels_may_be_strings_and_names_of_features_are_kept(iris):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(iris[0], columns=list("abcd"))
    names = np.array(["one", "two", "three"])[iris[1]]
    model = fit_quietly(SigmoidNetworkClassifier(5, random_state=0), frame, names)
    assert model.score(frame, names) > 0.95
    assert list(model.feature_names_in_) == list("abcd")
    assert list(model.classes_) == ["one", "three", "two"]


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_hidden": -1}, "n_hidden must be at least 0, got -1"),
        ({"n_hidden": 2.5}, "n_hidden must be a whole number"),
        ({"n_hidden": True}, "n_hidden must be a whole number"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be"),
        ({"solver": "newton"}, "solver must be one of 'lbfgs', 'adam', 'sgd', got 'newton'"),
        ({"validation_metric": "f1"}, "validation_metric must be one of"),
        ({"l2": -1.0}, "l2 must be"),
        ({"l2": float("nan")}, "l2 must be"),
        ({"l2": "strong"}, "l2 must be"),
        ({"tol": -1}, "tol must be"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"beta_1": 1.0}, "beta_1 must be"),
        ({"beta_2": -0.1}, "beta_2 must be"),
        ({"epsilon": 0.0}, "epsilon must be"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": "all"}, "batch_size must be"),
        ({"class_weight": "fair"}, "class_weight must be"),
        ({"class_weight": {0: -1.0}}, "class_weight must hold"),
        ({"class_weight": {7: 1.0}}, r"class_weight must name only classes of y .*, got \[7\]"),
        ({"progress": "yes"}, "progress must be"),
    ],
    ids=str,
)
def test_parameters_out_of_range(iris, parameters, message):
    with pytest.raises(ParameterError, match=message):
        SigmoidNetworkClassifier(**parameters).fit(*iris)


@pytest.mark.parametrize("solver", SOLVERS)
def test_labels_of_one_class(iris, solver):
    with pytest.raises(ParameterError, match="y must hold at least 2 classes, got one class: 0"):
        SigmoidNetworkClassifier(solver=solver).fit(iris[0][:50], iris[1][:50])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers(iris, solver, value):
    inputs = iris[0].copy()
    inputs[3, 2] = value
    with pytest.raises(ValueError, match="contains NaN|contains infinity"):
        SigmoidNetworkClassifier(solver=solver).fit(inputs, iris[1])
    model = fit_quietly(SigmoidNetworkClassifier(2, solver=solver, max_iter=1), *iris)
    with pytest.raises(ValueError, match="contains NaN|contains infinity"):
        model.predict_proba(inputs)


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_labels_that_partial_fit_was_not_told_of(iris, solver):
    inputs, labels = iris
    model = SigmoidNetworkClassifier(3, solver=solver, random_state=0)
    with pytest.raises(ParameterError, match="classes must be given in the first call"):
        model.partial_fit(inputs, labels)
    with pytest.raises(ParameterError, match="y must hold only the classes 0, 1, got 2; name all classes"):
        model.partial_fit(inputs, labels, classes=[0, 1])
    model.partial_fit(inputs, labels, classes=[0, 1, 2])
    before = model.parameters_.copy()
    with pytest.raises(ParameterError, match="y must hold only the classes 0, 1, 2, got 3"):
        model.partial_fit(inputs, labels + 1)
    with pytest.raises(ParameterError, match="classes must be those of the first call"):
        model.partial_fit(inputs, labels, classes=[0, 1])
    np.testing.assert_array_equal(model.parameters_, before)
    with pytest.raises(ParameterError, match="at least 2 classes"):
        clone(model).partial_fit(inputs, labels, classes=[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"early_stopping": True}, "early_stopping must be False"), ({"class_weight": "balanced"}, "needs all examples")],
)
def test_what_partial_fit_cannot_do(iris, parameters, message):
    with pytest.raises(ParameterError, match=message):
        SigmoidNetworkClassifier(solver="adam", **parameters).partial_fit(*iris, classes=[0, 1, 2])


def test_weights_without_any(iris):
    with pytest.raises(ValueError, match="non-zero|positive sum"):
        SigmoidNetworkClassifier().fit(*iris, np.zeros(len(iris[1])))
    with pytest.raises(ParameterError, match="positive sum"):
        SigmoidNetworkClassifier(class_weight={0: 0.0, 1: 0.0, 2: 0.0}).fit(*iris)
    with pytest.raises(ValueError, match="[Nn]egative"):
        SigmoidNetworkClassifier().fit(*iris, -np.ones(len(iris[1])))


def test_too_few_examples_to_stop_early(iris):
    with pytest.raises(ParameterError, match="early_stopping must have 2 examples of each class"):
        SigmoidNetworkClassifier(early_stopping=True).fit(iris[0][::30], iris[1][::30])


def test_a_loss_that_explodes_is_said(iris):
    model = SigmoidNetworkClassifier(3, solver="sgd", learning_rate=1e308, l2=1.0, random_state=0)
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="the loss became"):
        model.fit(*iris)


def test_unfinished_training_warns(digits):
    for solver in SOLVERS:
        with pytest.warns(ConvergenceWarning, match="stopped before it converged"):
            SigmoidNetworkClassifier(5, solver=solver, max_iter=2).fit(*digits)


# -- the extra --------------------------------------------------------------------------------------------------------


def test_without_scikit_learn_the_extra_is_named():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import firth.estimators\n"
        "try:\n    firth.estimators.SigmoidNetworkClassifier\n"
        "except ImportError as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(MissingExtraError.__name__)
    assert "pip install 'firth[sklearn]'" in done.stdout


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_loss_that_ends_far_above_guessing_is_an_error(solver):
    X = np.random.default_rng(0).normal(size=(200, 5))
    y = (X[:, 0] > 0).astype(int)
    diverging = SigmoidNetworkClassifier(solver=solver, learning_rate=1e6, max_iter=20, random_state=0)
    with (
        np.errstate(all="ignore"),
        pytest.raises(DivergenceError, match=r"^the loss rose to .*, above the bound of 2\.\d+"),
    ):
        diverging.fit(X, y)
    usual = SigmoidNetworkClassifier(solver=solver, learning_rate=0.1, max_iter=400, random_state=0).fit(X, y)
    assert usual.loss_ < np.log(2)
