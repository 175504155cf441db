"""A store: one file of JSON lines per run."""

from __future__ import annotations

from .store import JsonlStore

__all__ = ["JsonlStore"]
