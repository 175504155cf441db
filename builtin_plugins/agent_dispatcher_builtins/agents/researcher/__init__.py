"""The researcher: gathers facts on the technologies a specification names, offline, each with the place it was read."""

from __future__ import annotations

__all__ = ["ResearcherAgent"]


def __getattr__(name: str) -> object:
    if name == "ResearcherAgent":
        from .agent import ResearcherAgent

        return ResearcherAgent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
