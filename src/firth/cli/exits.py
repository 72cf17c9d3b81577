"""Room cli: exit statuses beside 0.

Tests: tests/cli/test_main.py.
"""

from __future__ import annotations

EXIT_CHECK_FAILED = 1  # the work is done, and what was checked is not as it should be
EXIT_REFUSED = 2  # what was asked for cannot be done; click's own for wrong usage
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
