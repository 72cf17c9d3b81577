"""Room training: `run/` makes a model from a corpus; `loop/` trains the slices. `run` imports `loop`."""
