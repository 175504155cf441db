"""Is a Python file work? Stubs, tests that cannot fail, and tests that prove less than they did: all by parsing, nothing is run."""
