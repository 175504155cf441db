"""How tests are written in the repository that a task is about."""

from __future__ import annotations

from collections.abc import Sequence

from agent_dispatcher.agents.base_agent import AgentWorkspace
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension.components import FitsTests, Language, ToolsForTests

__all__ = ["tools_for_tests"]


def tools_for_tests(language: Language | None, workspace: AgentWorkspace, paths: Sequence[str]) -> ToolsForTests | None:
    """The language's tools, fitted to the repository if it can do that; ``None`` where it has none.

    Args:
        paths: the files that are to be written.
    """

    def read(path: str) -> str | None:
        try:
            return workspace.read_text(path)
        except (FileNotFoundError, PathRefused):
            return None

    if language is not None and isinstance(language, FitsTests):
        return language.test_tools(read, next((path for path in paths if language.is_test(path)), ""))
    return language if isinstance(language, ToolsForTests) else None
