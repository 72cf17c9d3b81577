"""Room cli: the exit statuses other than 0.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

EXIT_CHECK_FAILED = 1  # the command finished, and its check found a fault
EXIT_REFUSED = 2  # the request cannot be carried out; click uses the same status for wrong usage
EXIT_INTERRUPTED = 130  # 128 + SIGINT, the convention of shells
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
