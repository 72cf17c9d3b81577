"""Room training: `run/` goes from a corpus to a model; `loop/` trains the slices and watches. `run` imports `loop`."""
