"""Room numerics: the mathematics: pure functions, NumPy alone, no state, no I/O."""
