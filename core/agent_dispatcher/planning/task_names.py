"""What a task of a plan may be called by a person, and the shortest name to show them.

A name is, in this order: an id, the source's own id, the id of a step (the task that has it), a title, or the beginning of one of these if no
other task is meant by it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from ..codec import close_matches
from ..errors import UsageError
from ..models import ExecutionPlan, Task

__all__ = ["TaskNames"]

_CANDIDATES = 8


class TaskNames:
    """The names of the tasks of one plan."""

    def __init__(self, plan: ExecutionPlan) -> None:
        self._tasks = {task.id: task for task in plan.tasks}

    def find(self, name: str) -> Task:
        """The task that is meant.

        Raises:
            UsageError: none is, with those that come close; or several are, with what to call each.
        """
        if name in self._tasks:
            return self._tasks[name]
        wanted = _plain(name)
        for names, whole in (
            (self._source_ids, True),
            (self._steps, True),
            (self._titles, True),
            (self._ids, False),
            (self._source_ids, False),
            (self._titles, False),
        ):
            found = names.called(wanted) if whole else names.beginning(wanted)
            if len(found) == 1:
                return found[0]
            if found:
                raise UsageError(f"{name!r} could be {self._listed(found)}: name one of them")
        raise UsageError(f"there is no task {name!r}{self._near(wanted)}")

    def short(self, task: Task) -> str:
        """What to call the task: its own id in its source, or the shortest beginning of its id that means no other; :meth:`find` takes it."""
        own = task.source_id
        if own is not None and len(self._source_ids.called(_plain(own))) == 1 and own not in self._tasks:
            return own
        return self._short[task.id]

    def short_of(self, task_id: str) -> str:
        """The short name of the task with that id; any other text as it is."""
        return self.short(self._tasks[task_id]) if task_id in self._tasks else task_id

    def label(self, task: Task) -> str:
        """The short name and the title."""
        return f"{self.short(task)} {' '.join(task.title.split())}".rstrip()

    @cached_property
    def _ids(self) -> _Index:
        return _Index((task.id, task) for task in self._tasks.values())

    @cached_property
    def _source_ids(self) -> _Index:
        return _Index((task.source_id, task) for task in self._tasks.values() if task.source_id is not None)

    @cached_property
    def _steps(self) -> _Index:
        return _Index((step.id, task) for task in self._tasks.values() for step in task.steps)

    @cached_property
    def _titles(self) -> _Index:
        return _Index((task.title, task) for task in self._tasks.values())

    @cached_property
    def _short(self) -> dict[str, str]:
        """By id. A beginning ends before a hyphen, has two words if there are two before the last, and is nobody's other name."""
        known: defaultdict[str, int] = defaultdict(int)
        for task_id in self._tasks:
            for beginning in _beginnings(task_id):
                known[beginning] += 1
        taken = {*self._source_ids.names, *self._steps.names, *self._titles.names}
        return {
            task_id: next(
                (
                    beginning
                    for beginning in _beginnings(task_id)
                    if known[beginning] == 1 and beginning not in taken and not self._begins_another(beginning, task_id)
                ),
                task_id,
            )
            for task_id in self._tasks
        }

    def _begins_another(self, beginning: str, task_id: str) -> bool:
        """Whether another id begins so in the middle of a word."""
        return any(task.id != task_id for task in self._ids.beginning(_plain(beginning), most=2))

    def _listed(self, tasks: list[Task]) -> str:
        shown = [
            f"{self.short(task)} ({task.title})" if task.title else self.short(task) for task in tasks[:_CANDIDATES]
        ]
        more = f" or {len(tasks) - _CANDIDATES} more" if len(tasks) > _CANDIDATES else ""
        return " or ".join(shown) + more

    def _near(self, wanted: str) -> str:
        by_name = {**self._titles.first(), **self._ids.first(), **self._source_ids.first()}
        close = close_matches(wanted, by_name)
        if not close:
            close = [name for name in sorted(by_name) if wanted and wanted in name][:3]
        if close:
            tasks = {by_name[name].id: by_name[name] for name in close}
            return f"; did you mean {self._listed(list(tasks.values()))}?"
        if not self._tasks:
            return ": this plan has none"
        shown = [self.short(task) for task in list(self._tasks.values())[:_CANDIDATES]]
        return f" among {', '.join(shown)}{', ...' if len(self._tasks) > _CANDIDATES else ''}"


class _Index:
    """Tasks by names of one sort, in lower case."""

    def __init__(self, named: Iterable[tuple[str, Task]]) -> None:
        self._tasks: defaultdict[str, dict[str, Task]] = defaultdict(dict)
        for name, task in named:
            self._tasks[_plain(name)][task.id] = task
        self.names = sorted(self._tasks)

    def called(self, name: str) -> list[Task]:
        """The tasks with exactly that name."""
        return list(self._tasks[name].values()) if name in self._tasks else []

    def beginning(self, wanted: str, most: int | None = None) -> list[Task]:
        """The (at most so many) tasks one of whose names begins with ``wanted``, each once."""
        found: dict[str, Task] = {}
        if not wanted:
            return []
        for name in islice(self.names, bisect_left(self.names, wanted), None):
            if not name.startswith(wanted) or (most is not None and len(found) >= most):
                break
            found.update(self._tasks[name])
        return list(found.values())

    def first(self) -> dict[str, Task]:
        """One task for each name."""
        return {name: next(iter(tasks.values())) for name, tasks in self._tasks.items()}


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _beginnings(task_id: str) -> Iterator[str]:
    words = task_id.split("-")
    for count in range(min(2, max(len(words) - 1, 1)), len(words)):
        yield "-".join(words[:count])
