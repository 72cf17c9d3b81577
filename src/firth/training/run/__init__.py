"""Room training: a run from a corpus to a model: prepared, begun, resumed, continued, saved."""
