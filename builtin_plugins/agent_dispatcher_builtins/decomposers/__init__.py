"""From a specification to tasks: as the source lists them, by patterns, or with a language model."""
