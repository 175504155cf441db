"""One run from start to end, and every run there was: its parts, what it needs before it starts, where it is found afterwards."""
