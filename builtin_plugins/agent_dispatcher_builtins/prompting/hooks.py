"""Offers the command ``agent-dispatcher prompts``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent_dispatcher.extension import hookimpl

if TYPE_CHECKING:
    import click

__all__ = ["prompts"]


class _Prompts:
    """The plugin."""

    @hookimpl
    def dispatcher_commands(self) -> Iterable[click.Command]:
        """One command."""
        from .command import prompts_command

        yield prompts_command


prompts = _Prompts()
