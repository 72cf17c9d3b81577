"""Property tests: no deadline (the machine may be busy), and as many examples as the fast suite can afford."""

from hypothesis import settings

settings.register_profile("firth", deadline=None, max_examples=50)
settings.load_profile("firth")
