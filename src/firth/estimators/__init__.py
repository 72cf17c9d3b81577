"""Room estimators: every scikit-learn class."""
