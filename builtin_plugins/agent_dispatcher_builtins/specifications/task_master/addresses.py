"""What a dependency names: a task, or a subtask of it (``5.2``, by which the whole task 5 is meant)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from agent_dispatcher.safe_load import Located

from .fields import Fields, Notes, name_of

__all__ = ["Address", "Addresses", "names_in"]

_DECORATED = re.compile(r"(?:(?:sub)?task\s*)?[#:]?\s*(\S.*)", re.IGNORECASE)


@frozen
class Address:
    """Where a name leads: the task's id in the file, and the step's id in the plan (``""`` for the task as a whole).

    ``missing`` says that the task is there, but not the subtask that was named.
    """

    task: str
    step: str = ""
    missing: bool = False


@frozen(kw_only=True)
class Addresses:
    """Every task and subtask of a list.

    Attributes:
        subtasks: task id to its steps, the name in the file to the step's id in the plan.
    """

    subtasks: Mapping[str, Mapping[str, str]]
    _folded: dict[str, str] = field(init=False)

    @_folded.default
    def _fold(self) -> dict[str, str]:
        folded: dict[str, str] = {}
        for name in self.subtasks:
            folded.setdefault(name.lower(), name)
        return folded

    def find(self, name: str) -> Address | None:
        """What a task's own ``dependencies`` mean by a name; ``None`` for nothing that is here."""
        for form in _forms(name):
            task = self._task(form)
            if task is not None:
                return Address(task)
            head, dot, tail = form.rpartition(".")
            task = self._task(head) if dot else None
            if task is not None:
                step = self._step(task, tail) or self._step(task, form)
                return Address(task, step, missing=not step)
        return None

    def find_from(self, parent: str, name: str) -> Address | None:
        """What the ``dependencies`` of a subtask of ``parent`` mean: a sibling before a task of that number."""
        for form in _forms(name):
            step = self._step(parent, form)
            if step:
                return Address(parent, step)
        return self.find(name)

    def _task(self, name: str) -> str | None:
        return name if name in self.subtasks else self._folded.get(name.lower())

    def _step(self, task: str, name: str) -> str:
        return self.subtasks[task].get(name, "")


def _forms(name: str) -> Iterator[str]:
    """The name as it is, then without ``task`` or ``#`` before it."""
    yield name
    match = _DECORATED.fullmatch(name)
    if match and match[1] != name:
        yield match[1].strip()


def names_in(fields: Fields, notes: Notes) -> Iterator[tuple[str, Located]]:
    """The names under ``dependencies``, however they are written: numbers, texts, ``"1, 2"``, ``{"id": 5}``."""
    for node in fields.items("dependencies", single=True):
        named: Sequence[str]
        if isinstance(node.value, str):
            named = [part.strip() for part in re.split(r"[,;]", node.value) if part.strip()]
        elif isinstance(node.value, dict):
            inner = next((node.value[key] for key in ("id", "taskId", "task") if key in node.value), node)
            named = [name_of(inner)]
        else:
            named = [name_of(node)]
        for name in named:
            if name:
                yield name, node
            else:
                notes.add(node.where, f"a dependency must be the id of a task, not {node.kind}: not used")
