"""Room checking: messages between the grader's two processes, other than jobs and answers.

Tests: tests/checking/test_process.py.
"""

from __future__ import annotations

READY = b"ready"  # the child has loaded what it needs
DONE = b"done"  # the fork of a job has ended: the parent may send the word that authenticates the answer
MAX_ANSWER_BYTES = 4 << 20  # largest answer of a fork; reports have a few kilobytes
