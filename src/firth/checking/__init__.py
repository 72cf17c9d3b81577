"""Room checking: the grader of other people's functions, run in a child process."""
