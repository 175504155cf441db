"""What the commands share: options, exit codes, and how a document or a plain line is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["EXIT_CODES", "echo_json", "fresh_option", "output_option", "run_argument"]

_F = TypeVar("_F", bound=Callable[..., Any])

#: Exit code of each run status that a command can end with.
EXIT_CODES = {"completed": 0, "partial": 1, "failed": 1, "cancelled": 1, "paused": 5}


def output_option(text: str) -> Callable[[_F], _F]:
    """``--output DIR``."""
    return click.option("--output", "-o", type=click.Path(), default=None, metavar="DIR", help=text)


def fresh_option(function: _F) -> _F:
    """``--fresh``."""
    text = "Ask a language model anew, also what it was asked before for a plan of the same specification."
    return click.option("--fresh", is_flag=True, help=text)(function)


def run_argument(function: _F) -> _F:
    """``[RUN]``."""
    return click.argument("run", required=False)(function)


def echo_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
