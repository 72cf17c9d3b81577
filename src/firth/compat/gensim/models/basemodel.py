"""Room compat: gensim.models.basemodel: a class name that programs use in annotations.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations


class BaseTopicModel:
    """gensim's base class of topic models. firth has no topic models."""


__all__ = ["BaseTopicModel"]
