"""Coding agents that exist already (programs with a life of their own) as agents: in the sandbox, with models only through the dispatcher."""
