"""Room kernels: the parameters, the plan of a slice, the update of a unit and its proof, the registry of objectives."""
