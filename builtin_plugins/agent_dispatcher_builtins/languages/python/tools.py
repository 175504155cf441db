"""Commands of the tools that lay out and look through Python files: ruff, where it is installed beside the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["format_command", "lint_command", "ruff"]

#: Mistakes, no matters of taste: syntax, undefined and redefined names, comparisons and formats that cannot work.
_MISTAKES = "E9,F50,F63,F7,F82,F811,F502,F601,F632"


def format_command(paths: Sequence[str]) -> tuple[str, ...] | None:
    """Formats files in place, as the project's own settings for ruff have it where there are any; ``None`` without ruff."""
    tool = ruff()
    script = Path(__file__).with_name("_format_files.py").read_text(encoding="utf-8")
    return None if tool is None else (sys.executable, "-I", "-S", "-c", script, tool, *paths)


def lint_command(paths: Sequence[str]) -> tuple[str, ...] | None:
    """A line per mistake; ``None`` without ruff."""
    tool = ruff()
    if tool is None:
        return None
    options = ("--isolated", "--no-cache", "--quiet", "--output-format", "concise", "--select", _MISTAKES)
    return (tool, "check", *options, "--", *paths)


@cache
def ruff() -> str | None:
    """Where it is, ``None`` where it is not installed."""
    tool = Path(sys.executable).parent / "ruff"
    return str(tool) if tool.is_file() else None
