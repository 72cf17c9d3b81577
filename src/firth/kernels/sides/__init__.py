"""Room kernels: the sides of objectives, a file a side; registry.py lists them.

Tests: tests/kernels/test_native_units.py, tests/extending/test_sides.py.
"""
