"""Room tests/golden: where its modules are, and the reference's trajectory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # golden_runs
sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))  # trajectory
