"""What an attempt may know of the rest of the run, so that it is told the same however fast the others are."""

from __future__ import annotations

from collections.abc import Callable

from agent_dispatcher.agents import AgentContext
from agent_dispatcher.models import Task

__all__ = ["by_chance"]


def by_chance(task: Task, context: AgentContext) -> Callable[[str], bool]:
    """Says of a file whether it is there or not as it happens: another task promises it, and nothing makes sure that its work has landed."""
    settled = {task.id, *(made.task for made in context.inputs), *context.settled()}
    settled_paths = {ref.name for name in settled for ref in context.promised.get(name, ()) if ref.type == "path"}
    paths = {
        ref.name for name, refs in context.promised.items() if name not in settled for ref in refs if ref.type == "path"
    }
    return (paths - settled_paths).__contains__
