"""Writes the golden runs anew, for every instruction set that was built and that this processor has.

    python tests/golden/write.py [INSTRUCTION_SET ...]

Do so only after a change that means to change numbers, and say in the commit which and why.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernels"))  # engines.py, which tests find by conftest

from golden_runs import write

from firth.native.loader import available_instruction_sets

if __name__ == "__main__":
    for instruction_set in sys.argv[1:] or available_instruction_sets():
        print(f"wrote {write(instruction_set)}", flush=True)
