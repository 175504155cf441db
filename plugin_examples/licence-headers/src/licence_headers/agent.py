"""The agent: finds the files a task is about and puts the header on those that lack it."""

from __future__ import annotations

from agent_dispatcher import AgentContext, AgentResult, SyncAgent, Task
from agent_dispatcher.extension import Available
from agent_dispatcher.models import Artifact

from .headers import Header, is_source

__all__ = ["TASK_TYPE", "LicenceHeadersAgent", "accepts", "promised"]

#: The task type that this package adds.
TASK_TYPE = "licence_headers"


def promised(task: Task) -> tuple[str, ...]:
    """The files the task names; a task that names none is about all source files there are."""
    return tuple(ref.name for ref in task.produces if ref.type == "path")


def accepts(task: Task, available: Available) -> str | None:
    """``None`` when the task can be done, else the reason why not; asked before anything runs."""
    without = [path for path in promised(task) if not is_source(path)]
    return f"a licence header cannot be put on {', '.join(without)}" if without else None


class LicenceHeadersAgent(SyncAgent):
    """Does one task: every file it is about begins with the header, nothing else is changed."""

    def __init__(self, header: Header) -> None:
        self._header = header

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Read, put on, write; reports progress file by file."""
        if task.type != TASK_TYPE:
            return AgentResult(status="declined", error=f"this agent does {TASK_TYPE}, not {task.type}")
        paths = promised(task) or tuple(path for path in context.workspace.files() if is_source(path))
        missing = [path for path in paths if not context.workspace.exists(path)]
        if missing:
            return AgentResult(status="failed", error=f"there is no {', '.join(missing)} to put a header on")
        changed: list[str] = []
        for number, path in enumerate(paths, 1):
            before = context.workspace.read_bytes(path)
            after = self._header.put_on(path, before)
            if after != before:
                context.workspace.write_bytes(path, after)
                changed.append(path)
            context.progress(number / len(paths), path)
        return AgentResult(
            status="done",
            summary=f"put a licence header on {len(changed)} of {len(paths)} source files",
            artifacts=[Artifact(name=path, type="code", path=path, task=task.id) for path in changed],
        )
