"""Room compat: gensim.models.basemodel: a name that programs write into annotations."""

from __future__ import annotations


class BaseTopicModel:
    """gensim's base class of topic models, of which firth has none."""


__all__ = ["BaseTopicModel"]
