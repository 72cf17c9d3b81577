"""Room estimators: the two-layer network of numerics as a scikit-learn classifier, and the three ways to train it.

The file is long because scikit-learn wants one class: it documents, stores and checks its parameters and its data.
Optimizers, batches and stopping, which take settings and not the estimator, are in files of their own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from firth.base.values import as_integer, is_number, validate_choice
from firth.errors import DivergenceError, ParameterError
from firth.estimators.blas_threads import limit_blas_threads
from firth.estimators.fit_progress import Progress, show_progress
from firth.estimators.network_batches import Batches, validate_finite, workspace_rows
from firth.estimators.network_optimizers import Adam, MomentumSGD
from firth.estimators.network_stopping import Stopper
from firth.numerics.network import (
    NetworkSizes,
    NetworkWorkspace,
    network_log_probabilities,
    network_loss_and_gradient,
    network_probabilities,
    unpack_network,
)
from firth.numerics.network.objective import BLOCK_ROWS

FloatArray = NDArray[np.floating[Any]]

SOLVERS = ("lbfgs", "adam", "sgd")
VALIDATION_METRICS = ("accuracy", "loss")
AUTO_BATCH_SIZE = 200
DEFAULT_LEARNING_RATES = {"adam": 0.001, "sgd": 0.1}  # Adam's: Kingma, Ba (2015), section 2
LBFGS_LINE_SEARCH_STEPS = 50
TIMES_GUESSING = 3.0  # a last loss above that many times ln C has diverged


def _has_partial_fit(estimator: Any) -> bool:
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs solver='adam' or 'sgd'; L-BFGS takes all examples at once")
    return True


class SigmoidNetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifier with one sigmoid hidden layer and a softmax output, or softmax regression (``n_hidden=0``).

    It minimises, over the weights W1 (D, H), W2 (H, C) and the biases b1, b2,

        sum_b w_b cross_entropy(softmax(s(x_b W1 + b1) W2 + b2), y_b) / sum_b w_b + l2/2 (|W1|^2 + |W2|^2)

    by loss and gradient of :func:`firth.numerics.network.network_loss_and_gradient`. It does not scale its inputs:
    put a ``StandardScaler`` before it where their ranges differ.

    Parameters
    ----------
    n_hidden : int >= 0, default 100
        Hidden units; 0 is softmax regression, which starts from zeros and has one optimum where ``l2`` > 0.
    solver : "lbfgs" (default), "adam" or "sgd"
        L-BFGS takes all examples at each step, and a weight of an example is the same as repeating it. Adam and SGD
        take mini-batches: for many examples, and for ``partial_fit``.
    l2 : float >= 0, default 1e-4
        Strength of the penalty, in units of the *mean* loss: it does not fade as examples are added.
        (``MLPClassifier``'s ``alpha`` is ``l2`` times the batch size, ``LogisticRegression``'s ``C`` 1 / (n l2).)
    class_weight : dict from class to weight, or "balanced", optional
        Multiplied with the examples' weights. "balanced": n / (C n_c), n_c the weight of the class.
    batch_size : int or "auto"
        Examples in a mini-batch; "auto" is the smaller of 200 and all.
    learning_rate : float, optional
        Step size of Adam (default 0.001) and SGD (default 0.1).
    momentum, nesterov : float in [0, 1), bool
        Of SGD.
    beta_1, beta_2, epsilon : float
        Of Adam.
    max_iter : int, default 200
        The most iterations of L-BFGS, or epochs.
    tol : float, default 1e-4
        L-BFGS stops where no component of the gradient is larger; the others where the loss (or the validation
        metric) did not improve by as much for ``n_iter_no_change`` epochs.
    n_iter_no_change : int, default 10
    early_stopping : bool, default False
        Keep ``validation_fraction`` of the examples (stratified) aside, stop by ``validation_metric`` on them, and
        end with the parameters that were best there. Works with every solver.
    validation_fraction : float in (0, 1), default 0.1
    validation_metric : "accuracy" (default) or "loss"
    shuffle : bool, default True
        A new order of the examples in each epoch.
    warm_start : bool, default False
        ``fit`` goes on from the parameters of the last ``fit``.
    random_state : int, RandomState or None
        Of initial parameters, order and validation part. The same integer gives the same parameters.
    progress : bool or callable, default False
        True shows a bar (rich); a callable gets the number of the epoch or iteration and its loss.

    Attributes
    ----------
    classes_ : array, (C,)
    parameters_ : float array, (P,)
        Packed W1, b1, W2, b2, in the float type of the training data; ``coefs_`` and ``intercepts_`` are views.
    sizes_ : NetworkSizes
    loss_ : float
        The last of ``loss_curve_``.
    loss_curve_ : list of float
        The objective by iteration (L-BFGS) or its mean over the epoch's batches, in nats.
    validation_scores_ : list of float, with ``early_stopping``
        Accuracy, or minus the loss, by iteration or epoch.
    n_iter_ : int
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from firth.estimators import SigmoidNetworkClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> SigmoidNetworkClassifier(n_hidden=10, random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    classes_: NDArray[Any]
    parameters_: FloatArray
    sizes_: NetworkSizes
    loss_curve_: list[float]
    validation_scores_: list[float]
    _optimizer: Adam | MomentumSGD | None

    def __init__(
        self,
        n_hidden: int = 100,
        *,
        solver: str = "lbfgs",
        l2: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        batch_size: int | str = "auto",
        learning_rate: float | None = None,
        momentum: float = 0.9,
        nesterov: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_metric: str = "accuracy",
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        progress: bool | Progress = False,
    ) -> None:
        self.n_hidden = n_hidden
        self.solver = solver
        self.l2 = l2
        self.class_weight = class_weight
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_metric = validation_metric
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.progress = progress

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SigmoidNetworkClassifier:
        """Train on all examples.

        Parameters
        ----------
        X : float32 or float64 array or SciPy sparse matrix, (n, D)
            Its float type is kept; anything else becomes float64.
        y : array of class labels, (n,), two classes or more
        sample_weight : float array, (n,), optional, none negative

        Raises
        ------
        ParameterError, and scikit-learn's ValueError for data that cannot be used (NaN, shapes)
        TrainingError
            When the loss stops being finite.
        DivergenceError
            When the last loss is above 3 times guessing (ln C) and 3 times the first epoch's. Not with
            ``early_stopping``, which keeps the best parameters.
        """
        self._validate_parameters()
        goes_on = self.warm_start and hasattr(self, "parameters_")
        X, y = self._validate_data(X, y, reset=not goes_on)
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ParameterError(
                f"y must hold at least 2 classes, got one class: {_listed(classes)};"
                " a classifier needs examples of another"
            )
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ParameterError(
                f"y must hold the classes of the last fit ({_listed(self.classes_)}) with warm_start=True,"
                f" got {_listed(classes)}; set warm_start=False to start anew"
            )
        weights = self._example_weights(X, labels, classes, sample_weight)
        if not goes_on:
            self._start(X, classes)
        elif self.parameters_.dtype != X.dtype:
            self.parameters_ = self.parameters_.astype(X.dtype)

        validation = None
        if self.early_stopping:
            X, labels, weights, validation = self._split(X, labels, weights)
        stopper = Stopper(
            self.parameters_,
            self.sizes_,
            validation,
            metric=self.validation_metric,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )
        if not goes_on:
            self.loss_curve_ = []
        rows = None if self.solver == "lbfgs" else self._batch_rows(X)
        with self._limit_threads(X, rows), show_progress(self.progress, self.max_iter) as report:
            if self.solver == "lbfgs":
                self._fit_lbfgs(X, labels, weights, stopper, report)
            else:
                self._fit_batches(X, labels, weights, stopper, report)
        self.loss_ = self.loss_curve_[-1]
        if self.early_stopping:
            self.validation_scores_ = stopper.scores
            self.best_validation_score_ = stopper.best_score
            self.parameters_ = stopper.best_parameters
        return self

    @available_if(_has_partial_fit)  # type: ignore[untyped-decorator, unused-ignore]
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> SigmoidNetworkClassifier:
        """One epoch over these examples, going on from where the last call ended, the optimizer's state included.

        Parameters
        ----------
        X, y, sample_weight
            As for :meth:`fit`; weights count relative to each other within a call.
        classes : array, (C,)
            All classes that will ever come: needed in the first call, optional and the same afterwards.

        Raises
        ------
        ParameterError
            For a label that is not among the classes, without ``classes`` in the first call, and for
            ``early_stopping`` and ``class_weight="balanced"``, which need all examples.
        """
        self._validate_parameters()
        if self.early_stopping:
            raise ParameterError("early_stopping must be False for partial_fit, which sees a part of the examples")
        if self.class_weight == "balanced":
            raise ParameterError(
                'class_weight must be a dict or None for partial_fit, got "balanced", which needs all examples'
            )
        first = not hasattr(self, "parameters_")
        if first and classes is None:
            raise ParameterError("classes must be given in the first call of partial_fit, got None")
        X, y = self._validate_data(X, y, reset=first)
        known = np.unique(np.asarray(classes)) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ParameterError(
                f"classes must be those of the first call ({_listed(self.classes_)}), got {_listed(known)}"
            )
        if len(known) < 2:
            raise ParameterError(f"classes must hold at least 2 classes, got {_listed(known)}")
        unseen = np.setdiff1d(y, known)
        if len(unseen):
            raise ParameterError(
                f"y must hold only the classes {_listed(known)}, got {_listed(unseen)};"
                " name all classes in the first call of partial_fit"
            )
        labels = np.searchsorted(known, y)
        weights = self._example_weights(X, labels, known, sample_weight)
        if first:
            self._start(X, known)
            self.loss_curve_ = []
        if self._optimizer is None:
            self._optimizer = self._new_optimizer()
        if X.dtype != self.parameters_.dtype:
            X = X.astype(self.parameters_.dtype)
        with self._limit_threads(X, self._batch_rows(X)):
            self.loss_curve_.append(self._batches(X, labels, weights, self._optimizer).run_epoch())
        self.n_iter_ += 1
        self.loss_ = self.loss_curve_[-1]
        if callable(self.progress):
            self.progress(self.n_iter_, self.loss_)
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of the classes, (n, C), columns as ``classes_``, in the float type of the training."""
        arguments = self._prediction_arguments(X)
        with self._limit_threads(arguments[1]):
            return network_probabilities(*arguments)

    def predict_log_proba(self, X: Any) -> FloatArray:
        """Log-probabilities, (n, C), finite where a probability itself would round to zero."""
        arguments = self._prediction_arguments(X)
        with self._limit_threads(arguments[1]):
            return network_log_probabilities(*arguments)

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of the largest probability, (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    @property
    def coefs_(self) -> list[FloatArray]:
        """W1 (D, H) and W2 (H, C), views of ``parameters_``; without hidden units W2 (D, C) alone."""
        network = unpack_network(self.parameters_, self.sizes_)
        weights = [network.hidden_weights, network.output_weights]
        return weights if self.sizes_.n_hidden else weights[1:]

    @property
    def intercepts_(self) -> list[FloatArray]:
        """b1 (H,) and b2 (C,), views of ``parameters_``; without hidden units b2 alone."""
        network = unpack_network(self.parameters_, self.sizes_)
        biases = [network.hidden_bias, network.output_bias]
        return biases if self.sizes_.n_hidden else biases[1:]

    def _batch_rows(self, X: Any) -> int:
        wanted = AUTO_BATCH_SIZE if self.batch_size == "auto" else int(self.batch_size)
        return min(wanted, int(X.shape[0]))

    def _limit_threads(self, X: Any, rows: int | None = None) -> AbstractContextManager[None]:
        """One BLAS thread, unless products of so many rows (by default those of a block) are large."""
        n_inputs, n_hidden, n_classes = self.sizes_
        rows = min(X.shape[0] if rows is None else rows, BLOCK_ROWS)
        layers = [n_hidden * n_classes] if n_hidden else []
        if isinstance(X, np.ndarray):  # products with sparse inputs are no BLAS
            layers.append(n_inputs * (n_hidden or n_classes))
        return limit_blas_threads(2 * rows * max(layers, default=0))

    def _prediction_arguments(self, X: Any) -> tuple[FloatArray, Any, NetworkSizes]:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return self.parameters_, X, self.sizes_

    def _validate_data(self, X: Any, y: ArrayLike, *, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C", reset=reset)
        check_classification_targets(y)
        return X, np.asarray(y)

    def _validate_parameters(self) -> None:
        def integer(name: str, least: int) -> None:
            as_integer(name, getattr(self, name), minimum=least)

        def real(name: str, constraint: str, holds: Callable[[float], bool]) -> None:
            value = getattr(self, name)
            if not is_number(value) or not holds(float(value)):
                raise ParameterError(f"{name} must be {constraint}, got {value!r}")

        def choice(name: str, choices: tuple[str, ...]) -> None:
            validate_choice(name, getattr(self, name), choices)

        integer("n_hidden", 0)
        integer("max_iter", 1)
        integer("n_iter_no_change", 1)
        choice("solver", SOLVERS)
        choice("validation_metric", VALIDATION_METRICS)
        real("l2", "a finite number of at least 0", lambda v: 0 <= v < np.inf)
        real("tol", "at least 0", lambda v: v >= 0)
        real("momentum", "in [0, 1)", lambda v: 0 <= v < 1)
        real("beta_1", "in [0, 1)", lambda v: 0 <= v < 1)
        real("beta_2", "in [0, 1)", lambda v: 0 <= v < 1)
        real("epsilon", "above 0", lambda v: v > 0)
        real("validation_fraction", "in (0, 1)", lambda v: 0 < v < 1)
        if self.learning_rate is not None:
            real("learning_rate", "above 0, or None", lambda v: 0 < v < np.inf)
        if self.batch_size != "auto":
            integer("batch_size", 1)
        if not (self.class_weight is None or self.class_weight == "balanced" or isinstance(self.class_weight, dict)):
            raise ParameterError(f'class_weight must be a dict, "balanced" or None, got {self.class_weight!r}')
        if not (isinstance(self.progress, bool) or callable(self.progress)):
            raise ParameterError(f"progress must be a bool or a callable, got {self.progress!r}")

    def _example_weights(
        self, X: Any, labels: NDArray[Any], classes: NDArray[Any], sample_weight: ArrayLike | None
    ) -> FloatArray | None:
        """Weights of mean one, sample and class weights multiplied; None where all are equal by default."""
        if sample_weight is None and self.class_weight is None:
            return None
        weights = np.asarray(
            _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True, copy=True)
        )
        if isinstance(self.class_weight, dict):
            unknown = [c for c in self.class_weight if c not in classes]
            if unknown:
                raise ParameterError(f"class_weight must name only classes of y ({_listed(classes)}), got {unknown}")
            by_class = np.array([self.class_weight.get(c, 1.0) for c in classes.tolist()], np.float64)
            if not (np.isfinite(by_class).all() and (by_class >= 0).all()):
                raise ParameterError(f"class_weight must hold finite weights of at least 0, got {self.class_weight}")
            weights *= by_class[labels]
        elif self.class_weight == "balanced":
            totals = np.bincount(labels, weights, minlength=len(classes))
            with np.errstate(divide="ignore"):
                weights *= np.where(totals > 0, weights.sum() / (len(classes) * totals), 0.0)[labels]
        total = weights.sum()
        if not total > 0:
            raise ParameterError("the weights of the examples must have a positive sum, got 0 for every one")
        return np.asarray((weights * (len(weights) / total)).astype(X.dtype))

    def _start(self, X: Any, classes: NDArray[Any]) -> None:
        """Initial parameters: U(-r, r), r = sqrt(2 / (fan_in + fan_out)) a layer [1], zeros without a hidden layer.

        [1] Glorot, Bengio (2010), with scikit-learn's factor for the logistic function, and its order of draws.
        """
        self._random = check_random_state(self.random_state)
        sizes = NetworkSizes(X.shape[1], int(self.n_hidden), len(classes))
        parameters = np.zeros(sizes.n_parameters, X.dtype)
        if sizes.n_hidden:
            network = unpack_network(parameters, sizes)
            for weights, bias in (network[:2], network[2:]):
                bound = np.sqrt(2 / sum(weights.shape))
                weights[:] = self._random.uniform(-bound, bound, weights.shape)
                bias[:] = self._random.uniform(-bound, bound, bias.shape)
        self.classes_, self.sizes_, self.parameters_, self.n_iter_ = classes, sizes, parameters, 0
        self._optimizer = None

    def _split(
        self, X: Any, labels: NDArray[Any], weights: FloatArray | None
    ) -> tuple[Any, NDArray[Any], FloatArray | None, tuple[Any, NDArray[Any], FloatArray | None]]:
        n_examples = X.shape[0]
        smallest = np.bincount(labels).min()
        n_validation = int(np.ceil(self.validation_fraction * n_examples))
        if smallest < 2 or min(n_validation, n_examples - n_validation) < len(self.classes_):
            raise ParameterError(
                f"early_stopping must have 2 examples of each class and one of each on either side of"
                f" validation_fraction={self.validation_fraction}, got {n_examples} examples of"
                f" {len(self.classes_)} classes, the rarest {smallest} times; set early_stopping=False"
            )
        train, held = train_test_split(
            np.arange(n_examples), test_size=self.validation_fraction, stratify=labels, random_state=self._random
        )
        if weights is None:
            return X[train], labels[train], None, (X[held], labels[held], None)
        if not (weights[train].sum() > 0 and weights[held].sum() > 0):
            raise ParameterError("the weights must have a positive sum on both sides of the validation split, got 0")
        return X[train], labels[train], weights[train], (X[held], labels[held], weights[held])

    def _fit_lbfgs(
        self, X: Any, labels: NDArray[Any], weights: FloatArray | None, stopper: Stopper, report: Progress
    ) -> None:
        dtype = self.parameters_.dtype
        workspace = NetworkWorkspace(self.sizes_, workspace_rows(X), dtype)
        gradient = np.empty_like(self.parameters_)
        n_before = self.n_iter_
        last_loss = np.nan

        def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            nonlocal last_loss
            last_loss, _ = network_loss_and_gradient(
                point.astype(dtype, copy=False),
                X,
                labels,
                self.sizes_,
                reduction="mean",
                l2=self.l2,
                sample_weights=weights,
                out=gradient,
                workspace=workspace,
            )
            validate_finite(last_loss)
            return last_loss, gradient.astype(np.float64)

        def after_iteration(point: NDArray[np.float64]) -> None:
            # The line search accepts the point that it evaluated last, so its loss is at hand.
            self.loss_curve_.append(last_loss)
            self.n_iter_ += 1
            self.parameters_ = point.astype(dtype)
            report(self.n_iter_, last_loss)
            if self.early_stopping and stopper.is_over(self.parameters_, last_loss):
                raise _EnoughError

        try:
            result = scipy.optimize.minimize(
                objective,
                self.parameters_.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={
                    "maxiter": self.max_iter,
                    "maxfun": LBFGS_LINE_SEARCH_STEPS * self.max_iter,
                    "maxls": LBFGS_LINE_SEARCH_STEPS,
                    "gtol": self.tol,
                    "ftol": 64 * np.finfo(dtype).eps,
                },
            )
        except _EnoughError:
            return
        self.parameters_ = result.x.astype(dtype)
        if self.n_iter_ == n_before:  # the start was an optimum already
            self.loss_curve_.append(float(result.fun))
            self.n_iter_ += 1
            if self.early_stopping:
                stopper.is_over(self.parameters_, float(result.fun))
        # Status 2 is a line search that found no lower point: the end of the float type's bits where the gradient is
        # small, a failure where it is not.
        if result.status == 1 or (result.status == 2 and np.abs(result.jac).max() > 10 * max(self.tol, 1e-4)):
            warnings.warn(
                f"L-BFGS stopped before it converged, after {self.n_iter_ - n_before} iterations: {result.message};"
                " raise max_iter or tol, or scale the inputs",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _fit_batches(
        self, X: Any, labels: NDArray[Any], weights: FloatArray | None, stopper: Stopper, report: Progress
    ) -> None:
        self._optimizer = self._new_optimizer()
        batches = self._batches(X, labels, weights, self._optimizer)
        first_loss, is_over = math.nan, False
        for _ in range(self.max_iter):
            loss = batches.run_epoch()
            first_loss = loss if math.isnan(first_loss) else first_loss
            self.loss_curve_.append(loss)
            self.n_iter_ += 1
            report(self.n_iter_, loss)
            is_over = stopper.is_over(self.parameters_, loss)
            if is_over:
                break
        if not self.early_stopping:  # which keeps the best parameters, wherever the last ones are
            self._validate_last_loss(first_loss)
        if not is_over and not self.early_stopping:
            warnings.warn(
                f"{self.solver} stopped before it converged, after max_iter={self.max_iter} epochs;"
                " raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _validate_last_loss(self, first_loss: float) -> None:
        """Raise DivergenceError where the last loss is far above guessing (ln C) and above where the fit began."""
        bound = TIMES_GUESSING * max(math.log(len(self.classes_)), first_loss)
        if self.loss_curve_[-1] > bound:
            raise DivergenceError(
                f"the loss rose to {self.loss_curve_[-1]:.4g}, above the bound of {bound:.4g}: scale the inputs"
                " (StandardScaler), or lower learning_rate"
            )

    def _batches(
        self, X: Any, labels: NDArray[Any], weights: FloatArray | None, optimizer: Adam | MomentumSGD
    ) -> Batches:
        return Batches(
            self.parameters_,
            self.sizes_,
            X,
            labels,
            weights,
            optimizer,
            batch_size=self._batch_rows(X),
            l2=float(self.l2),
            random=self._random if self.shuffle else None,
        )

    def _new_optimizer(self) -> Adam | MomentumSGD:
        rate = self.learning_rate if self.learning_rate is not None else DEFAULT_LEARNING_RATES[self.solver]
        if self.solver == "adam":
            return Adam(self.parameters_, rate, self.beta_1, self.beta_2, self.epsilon)
        return MomentumSGD(self.parameters_, rate, self.momentum, self.nesterov)


class _EnoughError(Exception):
    """Leaves SciPy's loop; caught in the function that raises it."""


def _listed(classes: NDArray[Any]) -> str:
    names = [str(name) for name in classes[:10].tolist()]
    return ", ".join(names) + (", ..." if len(classes) > 10 else "")


__all__ = ["SigmoidNetworkClassifier"]
