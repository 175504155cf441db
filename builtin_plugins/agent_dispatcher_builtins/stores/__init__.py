"""The log of each run in a database."""
