"""Room classification: classifiers of texts that learned their own vectors: prediction, scores, files, quantization."""
