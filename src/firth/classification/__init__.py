"""Room classification: classifiers that learned their own vectors: labels of texts, scores, files, small models."""
