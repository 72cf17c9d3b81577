"""Room compat: the names and interfaces of other software (gensim, the CS224n course), implemented with firth."""
