"""Room training: the loop of a run: slices, the held-out part, checkpoints, callbacks, progress. It knows no corpus."""
