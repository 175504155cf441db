"""What an agent is given outside a run: a folder behind the guard, plain commands only where somebody allows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..agents.base_agent import AgentContext, AgentResult, BaseAgent, SyncAgent
from ..coordination.attempt import checked_result
from ..coordination.message_bus import MessageBus
from ..errors import SandboxUnavailable
from ..extension.components import Completed, Language, Limits, Sandbox
from ..models import ArtifactRef, Specification, Task
from ..workspace.agent_workspace import GuardedWorkspace, TaskSandbox
from .samples import sample_specification

__all__ = ["AgentRun", "context_for", "run_agent", "run_agent_async"]


@frozen(kw_only=True)
class AgentRun:
    """What came of one attempt.

    Attributes:
        result: what the agent returned.
        files: all files of its workspace afterwards, by path; what is no UTF-8 has replacement characters in it.
        progress: what it reported, in order.
    """

    result: AgentResult
    files: Mapping[str, str]
    progress: tuple[tuple[float, str], ...] = field(default=())


class NoSandbox:
    """Refuses every command: the test did not say which sandbox to use."""

    tier = "none"

    async def run(self, argv: Sequence[str], limits: Limits | None = None, **options: Any) -> Completed:
        """Refuse."""
        raise SandboxUnavailable(f"the agent runs {argv[0]!r}, and the test gave it no sandbox: pass sandbox=...")


def context_for(
    task: Task,
    specification: Specification | None = None,
    folder: Path | None = None,
    *,
    sandbox: Sandbox | None = None,
    language: Language | None = None,
    **more: Any,
) -> AgentContext:
    """A context as the dispatcher would make it.

    Args:
        folder: the attempt's folder; an agent that touches files needs one.
        sandbox: what its commands run in; without one every command is refused.
        more: other fields of :class:`AgentContext` (``feedback``, ``llm``, ``inputs``, ...).
    """
    place = folder if folder is not None else Path("/nonexistent")
    promised: dict[str, tuple[ArtifactRef, ...]] = {task.id: task.produces} if task.produces else {}
    return AgentContext(
        **{
            "run": "20260101-000000-0000",
            "attempt": 1,
            "task": task.id,
            "specification": specification or sample_specification(),
            "workspace": GuardedWorkspace(place),
            "sandbox": TaskSandbox(sandbox, place, language) if sandbox is not None else NoSandbox(),
            "language": language,
            "bus": MessageBus(),
            "promised": promised,
            **more,
        }
    )


async def run_agent_async(
    agent: BaseAgent | SyncAgent,
    task: Task | None = None,
    *,
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    specification: Specification | None = None,
    **more: Any,
) -> AgentRun:
    """As :func:`run_agent`, inside an event loop, in ``folder``."""
    task = task or Task(id="task", title="Task")
    folder.mkdir(parents=True, exist_ok=True)
    workspace = GuardedWorkspace(folder)
    for path, held in (files or {}).items():
        workspace.write_bytes(path, held.encode() if isinstance(held, str) else held)
    told: list[tuple[float, str]] = []

    def progress(fraction: float, text: str) -> None:
        told.append((fraction, text))
        agent.on_progress(task, fraction, text)

    context = context_for(task, specification, folder, **{"workspace": workspace, "progress": progress, **more})
    await agent.setup()
    try:
        agent.on_start(task)
        try:
            result = checked_result(await agent.perform(task, context), type(agent).__name__)
        except BaseException as error:
            agent.on_error(task, error)
            raise
        agent.on_result(task, result)
    finally:
        await agent.teardown()
    left = {path: workspace.read_bytes(path).decode("utf-8", "replace") for path in workspace.files()}
    return AgentRun(result=result, files=left, progress=tuple(told))


def run_agent(
    agent: BaseAgent | SyncAgent,
    task: Task | None = None,
    files: Mapping[str, str | bytes] | None = None,
    *,
    specification: Specification | None = None,
    **more: Any,
) -> AgentRun:
    """Run one agent on one task in a temporary folder, with its whole life: ``setup``, ``execute``, callbacks, ``teardown``.

    Args:
        agent: the instance; nothing of a dispatcher is needed.
        task: a plain one when left out.
        files: what the workspace holds before, path to text or bytes.
        specification: what is being built.
        more: ``sandbox``, ``language`` and other fields of :class:`AgentContext`.

    Returns:
        The result and the files that are there afterwards.

    Raises:
        Exception: whatever the agent raises.
        PluginError: it returned something that is no valid :class:`AgentResult`.
    """
    import asyncio
    import tempfile

    with tempfile.TemporaryDirectory(prefix="agent-dispatcher-test-") as name:
        return asyncio.run(
            run_agent_async(agent, task, folder=Path(name) / "work", files=files, specification=specification, **more)
        )
