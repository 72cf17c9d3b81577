"""Room vectors: what training yields: look-up, neighbours, analogies, evaluation."""
