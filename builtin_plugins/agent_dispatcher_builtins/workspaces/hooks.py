"""What this folder offers: the workspaces ``git`` and ``none``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["git", "none"]


def _make_git(options: Any, services: Services) -> Any:
    from .git import GitWorkspace

    return GitWorkspace(log=services.log)


def _make_none(options: Any, services: Services) -> Any:
    from .folders import FolderWorkspace

    return FolderWorkspace()


class _Git:
    @hookimpl
    def dispatcher_workspaces(self) -> Iterable[Component]:
        """Offer ``git``."""
        yield Component(
            "git",
            "A git worktree per attempt, one commit per landed task on the run's branch.",
            _make_git,
            default_rank=10,
        )


class _None:
    @hookimpl
    def dispatcher_workspaces(self) -> Iterable[Component]:
        """Offer ``none``."""
        yield Component(
            "none",
            "Plain folders without history: results are copied into the output when they land.",
            _make_none,
        )


git = _Git()
none = _None()
