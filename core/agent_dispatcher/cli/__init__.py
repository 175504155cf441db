"""``agent-dispatcher``: the command line. Each command lives in its own module, imported when it is called."""

from __future__ import annotations

from .main import main

__all__ = ["main"]
