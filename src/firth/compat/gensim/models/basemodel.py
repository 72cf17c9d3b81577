"""Room compat: gensim.models.basemodel: a name that programs write into annotations.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations


class BaseTopicModel:
    """gensim's base class of topic models, of which firth has none."""


__all__ = ["BaseTopicModel"]
