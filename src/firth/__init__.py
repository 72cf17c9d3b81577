"""firth: vectors for words, and for anything in sequences, from the company that they keep."""

__version__ = "0.1.0"
