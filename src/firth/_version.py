"""Below every room: the version of firth, in this one place; pyproject.toml reads the version from here."""

__version__ = "0.2.0"
