"""Room formats: one file a format; each a grammar with its source cited."""
