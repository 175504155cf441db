"""Commands of the tools that lay out and look through files: prettier and eslint, where the user has installed them for all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["format_command", "lint_command"]

#: Mistakes, no matters of taste.
_MISTAKES = "no-undef: off, no-dupe-keys: error, no-dupe-args: error, no-unreachable: error, no-const-assign: error, no-self-assign: error, valid-typeof: error, use-isnan: error"


def format_command(paths: Sequence[str]) -> tuple[str, ...] | None:
    """Formats files in place; ``None`` without prettier."""
    tool = _tool("prettier")
    return (
        None if tool is None else (tool, "--no-config", "--no-editorconfig", "--log-level", "warn", "--write", *paths)
    )


def lint_command(paths: Sequence[str]) -> tuple[str, ...] | None:
    """A line per mistake; ``None`` without eslint."""
    tool = _tool("eslint")
    if tool is None or any(path.endswith("ts") for path in paths):
        return None
    return (tool, "--no-config-lookup", "--rule", _MISTAKES, *paths)


def _tool(name: str) -> str | None:
    """A program below ``/usr``: others are not visible in the sandbox."""
    found = shutil.which(name)
    return found if found and str(Path(found).resolve()).startswith("/usr/") else None
