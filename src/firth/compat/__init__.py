"""Room compat: other people's names on firth's parts."""
