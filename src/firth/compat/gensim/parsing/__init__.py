"""Room compat: the part of gensim.parsing that programs with vectors use: `strip_tags`.

Tests: tests/compat/gensim/test_utils.py.
"""

from firth.compat.gensim.parsing import preprocessing
from firth.compat.gensim.parsing.preprocessing import strip_tags

__all__ = ["preprocessing", "strip_tags"]
