"""Room training: the loop of a run: slices, held-out part, checkpoints, callbacks, progress. It reads no corpus."""
