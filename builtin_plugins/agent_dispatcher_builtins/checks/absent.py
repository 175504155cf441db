"""Expected red: does a test fail only because what it tests is not there yet?"""

from __future__ import annotations

from collections.abc import Iterable

from agent_dispatcher.extension.components import Language, ToolsForTests
from agent_dispatcher.models import ArtifactRef, ExecutionPlan

from .junit import Case

__all__ = ["AbsentNames", "tasks_behind"]


def tasks_behind(plan: ExecutionPlan, subjects: Iterable[str], landed: frozenset[str]) -> frozenset[str]:
    """The subjects that have not landed, and what they themselves still wait for: a subject's module may fail to import because of either."""
    parents: dict[str, list[str]] = {}
    for before, after in plan.binding_edges():
        parents.setdefault(after, []).append(before)
    waiting = [task for task in subjects if task not in landed]
    behind: set[str] = set()
    while waiting:
        task = waiting.pop()
        if task not in behind and task not in landed:
            behind.add(task)
            waiting.extend(parents.get(task, ()))
    return frozenset(behind)


class AbsentNames:
    """Modules and symbols that are promised and not there yet; how a failure names them is the language's to tell.

    Args:
        promised: artifacts of tasks that have not landed.
    """

    def __init__(self, promised: Iterable[ArtifactRef], language: Language) -> None:
        self._promised = tuple(promised)
        self._language = language

    def explain(self, case: Case) -> str | None:
        """The absent thing a test failed for, as a phrase; ``None`` when it failed for any other reason."""
        return (
            self._language.absence(case.message, self._promised) if isinstance(self._language, ToolsForTests) else None
        )
