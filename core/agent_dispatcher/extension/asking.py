"""Calls the hooks that ask for an opinion or tell what happened, each plugin by itself.

The first opinion wins, in pluggy's order (``tryfirst``, then the latest registered, then ``trylast``). A plugin that raises or answers with
something that is no answer has no opinion; it is reported, and the next one is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import pluggy

from ..models import Event, Task
from .components import Fail, Reroute, Retry

__all__ = ["Asking"]

#: Called with a plugin's key, what it did wrong and the exception, if any.
Report = Callable[[str, str, BaseException | None], None]


class Asking:
    """The asking and telling hooks of a fixed set of plugins."""

    def __init__(self, manager: pluggy.PluginManager, plugins: Mapping[str, object], report: Report) -> None:
        self._report = report
        self._callers = {
            name: _one_by_one(manager, plugins, name)
            for name in (
                "dispatcher_route_task",
                "dispatcher_on_task_error",
                "dispatcher_priority",
                "dispatcher_events",
            )
        }

    def asks(self, hook: str) -> bool:
        """Whether anybody implements ``hook``: where nobody does, many tasks need not be asked about."""
        return bool(self._callers[hook])

    def route_task(self, task: Task, candidates: Sequence[str]) -> str | None:
        """The agent type some plugin chose among ``candidates``; ``None`` without an opinion."""
        answer: str | None = self._ask(
            "dispatcher_route_task",
            lambda answer: isinstance(answer, str) and answer in candidates,
            f"one of {', '.join(candidates) or 'no candidates'}",
            task=task,
            candidates=tuple(candidates),
        )
        return answer

    def on_task_error(self, task: Task, attempt: int, error: str, sort: str) -> Retry | Reroute | Fail | None:
        """What some plugin wants to follow a failed attempt; ``None`` without an opinion."""
        answer: Retry | Reroute | Fail | None = self._ask(
            "dispatcher_on_task_error",
            _is_decision,
            "Retry(delay_s at least 0), Reroute(agent_type) or Fail()",
            task=task,
            attempt=attempt,
            error=error,
            sort=sort,
        )
        return answer

    def priority(self, task: Task) -> float | None:
        """The priority some plugin gives to a task; ``None`` without an opinion."""
        answer = self._ask("dispatcher_priority", _is_number, "a finite number", task=task)
        return None if answer is None else float(answer)

    def tell_events(self, events: Sequence[Event]) -> None:
        """Show a batch of recorded events to every observer."""
        if not events:
            return
        batch = tuple(events)
        for key, caller in self._callers["dispatcher_events"]:
            try:
                caller(events=batch)
            except Exception as problem:
                self._report(key, f"dispatcher_events raised {type(problem).__name__}: {problem}", problem)

    def _ask(self, hook: str, valid: Callable[[Any], bool], expected: str, **arguments: Any) -> Any:
        for key, caller in self._callers[hook]:
            try:
                answer = caller(**arguments)
            except Exception as problem:
                self._report(key, f"{hook} raised {type(problem).__name__}: {problem}", problem)
                continue
            if answer is None:
                continue
            if valid(answer):
                return answer
            self._report(key, f"{hook} answered {answer!r}, expected {expected} or None", None)
        return None


def _one_by_one(
    manager: pluggy.PluginManager, plugins: Mapping[str, object], hook: str
) -> tuple[tuple[str, pluggy.HookCaller], ...]:
    """Key of each plugin that implements ``hook`` with a way to call it alone, in the order in which pluggy would call them."""
    implementations = getattr(manager.hook, hook).get_hookimpls()
    return tuple(
        (each.plugin_name, alone(manager, plugins, hook, each.plugin_name)) for each in reversed(implementations)
    )


def alone(manager: pluggy.PluginManager, plugins: Mapping[str, object], hook: str, key: str) -> pluggy.HookCaller:
    """A caller of ``hook`` that reaches only the plugin with that key."""
    return manager.subset_hook_caller(hook, [each for other, each in plugins.items() if other != key])


def _is_number(answer: object) -> bool:
    return isinstance(answer, int | float) and not isinstance(answer, bool) and isfinite(answer)


def _is_decision(answer: object) -> bool:
    if isinstance(answer, Retry):
        return _is_number(answer.delay_s) and answer.delay_s >= 0
    if isinstance(answer, Reroute):
        return isinstance(answer.agent_type, str) and bool(answer.agent_type)
    return isinstance(answer, Fail)
