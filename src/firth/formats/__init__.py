"""Room formats: one module for each file format, with its grammar and the source of the grammar."""
