"""Room compat: gensim.test: its module ``utils``, which programs take small texts and temporary files from."""
