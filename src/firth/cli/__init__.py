"""Room cli: the commands: parse, call, print."""
