"""Expected red: does a test fail only because what it tests is not there yet?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent_dispatcher.models import ArtifactRef, ExecutionPlan

from .junit import Case

__all__ = ["AbsentNames", "tasks_behind"]

_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_NAME = re.compile(r"ImportError: cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")


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
    """Modules and symbols that are promised and not there yet.

    Args:
        promised: artifacts of tasks that have not landed.
    """

    def __init__(self, promised: Iterable[ArtifactRef]) -> None:
        self._modules: set[str] = set()
        self._symbols: set[tuple[str, str]] = set()
        for ref in promised:
            if ref.type == "symbol":
                module, _, name = ref.name.partition(":")
                self._modules.add(module)
                self._symbols.add((module, name.split(".")[0]))
            elif ref.type == "path" and ref.name.endswith(".py"):
                self._modules.update(_modules_of(ref.name))

    def explain(self, case: Case) -> str | None:
        """The absent thing a test failed for, as a phrase; ``None`` when it failed for any other reason."""
        module = _NO_MODULE.search(case.message)
        if module:
            name = module[1]
            if name in self._modules or any(known.startswith(name + ".") for known in self._modules):
                return f"module {name} is not there yet"
            return None
        symbol = _NO_NAME.search(case.message)
        if symbol:
            name, source = symbol[1], symbol[2]
            if (source, name) in self._symbols or f"{source}.{name}" in self._modules or source in self._modules:
                return f"{source}:{name} is not there yet"
        return None


def _modules_of(path: str) -> set[str]:
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if parts[:1] == ["src"]:
        return {".".join(parts[1:])} - {""}
    return {".".join(parts), parts[-1]} if parts else set()
