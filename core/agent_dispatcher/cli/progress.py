"""How a run is watched: a live table on a terminal that has ``rich``, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import define, field

from ..coordination.failures import FREE
from ..coordination.run_state import TaskState
from ..models import Event, ExecutionPlan

__all__ = ["Progress", "progress_display"]


_ENDED = frozenset({"completed", "failed", "blocked", "skipped", "cancelled"})
_CLOSING = "check     the finished whole"
_AT_THE_SERVER = FREE - {"budget"}
_NOTHING: Mapping[str, TaskState] = {}
_IN_PROGRESS = frozenset(
    {"running", "checking", "sealed", "waiting for approval", "approved", "landed", "waiting for the model server"}
)


@define
class Progress:
    """Where a run stands, as far as its events have told.

    Attributes:
        plan: what is carried out.
        run: the run's id once it has started.
        states: task id -> a word: ``running``, ``checking``, ``completed``, ...
        known: task id -> what earlier processes made of it.
        over: whether every task has ended, so that only the finished whole is checked.
    """

    plan: ExecutionPlan
    known: Mapping[str, TaskState] = field(factory=dict)
    run: str = ""
    output: Path | None = None
    states: dict[str, str] = field(factory=dict)
    began: float = field(factory=time.monotonic)
    over: bool = False
    _titles: dict[str, str] = field(factory=dict)
    _free: dict[str, int] = field(factory=dict)  # attempts that cost none
    _asked: dict[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._titles = {task.id: task.title for task in self.plan.tasks}
        self.states = {task.id: task.status for task in self.plan.tasks}
        self.states |= {name: "completed" for name, task in self.known.items() if task.status == "completed"}
        self._free = {name: max(task.attempts - task.failures, 0) for name, task in self.known.items()}

    def started(self, run: str, output: Path) -> None:
        """The run exists."""
        self.run, self.output = run, output

    def events(self, events: Sequence[Event]) -> None:
        """Take in a batch."""
        for event in events:
            line = self._take(event)
            if line is not None:
                self.show(event, line)
        if events and not self.over and self.states and _ENDED.issuperset(self.states.values()):
            self.over = True
            self.show(events[-1], _CLOSING)
        self.refresh()

    def show(self, event: Event, line: str) -> None:
        """Print one line; overridden by displays."""

    def refresh(self) -> None:
        """A batch is done; overridden by displays."""

    def title(self, task: str | None) -> str:
        """What a task is called."""
        return self._titles.get(task or "", task or "")

    def done(self) -> int:
        """How many tasks are completed."""
        return sum(state == "completed" for state in self.states.values())

    def _take(self, event: Event) -> str | None:
        if event.task is None:
            if event.type == "run.warning":
                return f"warning: {event.data.get('text', '')}"
            return self._patch(event)
        title = self.title(event.task)
        data = event.data
        match event.type:
            case "attempt.started":
                self.states[event.task] = "running"
                number = (event.attempt or 1) - self._free.get(event.task, 0)
                again = f" (attempt {number})" if number > 1 else ""
                return f"start     {title} [{data.get('agent_type', '')}]{again}"
            case "attempt.sealed":
                self.states[event.task] = "sealed"
            case "attempt.checked":
                self.states[event.task] = "checking"
            case "approval.requested":
                self.states[event.task] = "waiting for approval"
                return f"waiting   {title}: for your approval (agent-dispatcher approve)"
            case "approval.given":
                self.states[event.task] = "approved"
                return f"approved  {title} by {data.get('by', '')}"
            case "attempt.landed":
                self.states[event.task] = "landed"
            case "task.completed":
                self.states[event.task] = "completed"
                return f"done      {title}"
            case "attempt.rejected":
                self.states[event.task] = "rejected"
                return f"rejected  {title}: {_first_line(data.get('why'))}"
            case "attempt.failed" if data.get("sort") in _AT_THE_SERVER:
                self._free[event.task] = self._free.get(event.task, 0) + 1
                asked = self._asked[event.task] = self._asked.get(event.task, 0) + 1
                self.states[event.task] = "waiting for the model server"
                times = f"asked {asked} times" if asked > 1 else "asked once"
                return f"waiting   {title}: for the model server ({times}): {_first_line(data.get('error'))}"
            case "attempt.failed":
                self.states[event.task] = "failed attempt"
                return f"failed    {title}: {_first_line(data.get('error'))}"
            case "task.freed":
                self.states[event.task] = "pending"
            case "task.failed" | "task.blocked" | "task.skipped" | "task.cancelled":
                self.states[event.task] = event.type.removeprefix("task.")
                return f"{self.states[event.task]:<9} {title}"
        return None

    def _patch(self, event: Event) -> str | None:
        """A change of the plan, or one that was refused."""
        data = event.data
        if event.type == "patch.refused":
            return f"refused   a patch by {data.get('by', '')}: {_first_line('; '.join(data.get('problems') or ()))}"
        if event.type != "plan.patched":
            return None
        patch = data["patch"]
        for task in (*(part for split in patch["split"] for part in split["into"]), *patch["add"]):
            self._titles[task["id"]], self.states[task["id"]] = task["title"], "pending"
        for name in data["removed"]:
            self.states.pop(name, None)
        self.over = False
        return f"patched   the plan (revision {data['revision']}) by {data['by']}: {_first_line(patch['why'])}"


class PlainProgress(Progress):
    """One line per thing that happened, on stderr, so that stdout stays clean."""

    def show(self, event: Event, line: str) -> None:
        count = f"{self.done()}/{len(self.states)}"
        click.echo(f"{time.monotonic() - self.began:6.1f} s  {count:>7}  {line}", err=True)


class LiveProgress(Progress):
    """A table of what is in progress, redrawn in place, above it the lines of what ended."""

    live: Any = None

    def show(self, event: Event, line: str) -> None:
        if self.live is not None and event.type != "attempt.started":
            from rich.text import Text

            self.live.console.print(Text(f"{time.monotonic() - self.began:6.1f} s  {line}"))

    def refresh(self) -> None:
        if self.live is not None:
            self.live.update(self.table())

    def table(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            Text(f"{self.done()}/{len(self.states)}"),
            ProgressBar(total=max(1, len(self.states)), completed=self.done(), width=40),
        )
        for task, state in self.states.items():
            if state in _IN_PROGRESS:
                grid.add_row(Text(state, style="cyan"), Text(self.title(task)))
        if self.over:
            grid.add_row(Text("checking", style="cyan"), Text("the finished whole"))
        return grid


@contextmanager
def progress_display(
    plan: ExecutionPlan, *, quiet: bool = False, known: Mapping[str, TaskState] = _NOTHING
) -> Iterator[Progress]:
    """A display for the time of the ``with`` block: none when ``quiet``, live on a terminal with ``rich``, else plain."""
    if quiet:
        yield Progress(plan, known)
        return
    if sys.stderr.isatty():
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:
            yield PlainProgress(plan, known)
            return
        display = LiveProgress(plan, known)
        with Live(display.table(), console=Console(stderr=True), transient=True, refresh_per_second=8) as live:
            display.live = live
            yield display
        return
    yield PlainProgress(plan, known)


def _first_line(text: Any) -> str:
    lines = str(text or "").strip().splitlines()
    return lines[0][:200] if lines else ""
