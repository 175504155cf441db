"""Python: layout, commands, environment, and what can be read from a file without running it."""
