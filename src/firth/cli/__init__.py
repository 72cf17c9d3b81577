"""Room cli: the commands of the command line. Each parses its flags, calls the library and prints the result."""
