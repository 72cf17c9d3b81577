"""Scikit-learn's own checks of an estimator, for every solver."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from firth.estimators import SigmoidNetworkClassifier

# A mini-batch that holds an example twice is another batch than one that holds it once with weight two, and dropping
# an example shifts all batches after it: no mini-batch method can pass these.
MINI_BATCH_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "weights and repetition differ where batches are drawn",
    "check_sample_weight_equivalence_on_sparse_data": "weights and repetition differ where batches are drawn",
}

ESTIMATORS = [
    SigmoidNetworkClassifier(),
    SigmoidNetworkClassifier(n_hidden=0),
    SigmoidNetworkClassifier(solver="adam", learning_rate=0.01, batch_size=16),
    SigmoidNetworkClassifier(solver="sgd", batch_size=16),
]


def expected_failures(estimator: SigmoidNetworkClassifier) -> dict[str, str]:
    return {} if estimator.solver == "lbfgs" else MINI_BATCH_FAILURES


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check) -> None:
    check(estimator)
