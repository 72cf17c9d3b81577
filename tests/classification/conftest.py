"""Fixtures of the classification room's tests: its helper modules can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # fasttext_answers, which the tests share
