"""Models behind the Chat Completions API, whoever serves it."""
