"""Room kernels: one unit's update: reference, native twin, the registry of objectives."""
