"""The decomposer that lets a language model split a specification, and believes only what it could check."""
