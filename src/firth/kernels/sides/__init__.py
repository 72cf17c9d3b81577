"""Room kernels: the sides of objectives, a file a side; registry.py lists them."""
