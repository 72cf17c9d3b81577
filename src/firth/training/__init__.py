"""Room training: configuration, schedule, the loop, held-out loss, checkpoints, progress."""
