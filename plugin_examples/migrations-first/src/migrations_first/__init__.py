"""A dependency rule: database migrations come before the code that queries their tables."""

from __future__ import annotations

from .rule import MigrationsFirstRule

__all__ = ["MigrationsFirstRule"]
