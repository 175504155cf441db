"""The lifecycle every agent shares, and what an agent is given to work with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen
from attrs.validators import in_

from ..errors import BackendError
from ..extension.components.languages import Language
from ..extension.components.llm_backends import LlmBackend
from ..extension.components.sandboxes import Completed, Limits
from ..models import Artifact, ArtifactRef, Dispute, Evidence, PlanPatch, Specification, Task
from .messages import AgentBus

if TYPE_CHECKING:
    from ..planning.context import TaskContext

__all__ = ["AgentContext", "AgentResult", "AgentSandbox", "AgentWorkspace", "BaseAgent", "SyncAgent"]


def _artifacts(made: Iterable[Artifact]) -> tuple[Artifact, ...]:
    return tuple(made)


@frozen(kw_only=True)
class AgentResult:
    """What an agent says about its attempt. It never says *completed*: that is decided by checks.

    Attributes:
        status: ``done`` (there is something to seal and check), ``failed``, or ``declined`` (the next agent type is asked).
        summary: one sentence for the report; the subject of the commit is the task's title.
        artifacts: what was made; paths relative to the workspace.
        patch: a change to the plan that the agent proposes, for ``done`` only. It counts when the work has landed, and is refused where it does
            not fit: the task is done all the same.
        error: why it failed or declined.
        evidence: for ``failed``: what the agent looked at and found wrong, for the reports. It is recorded as not passed, whatever it says.
        dispute: for ``failed``: the specification contradicts a test that the work is refused for. Where that is upheld the test is written anew
            before the next attempt; see :mod:`agent_dispatcher.planning.disputes`.
        permanent: for ``failed``: another attempt would end the same way.
        sort: for ``failed``: what sort of failure it was (``transient``, ``rate_limit``, ``outage``, ``permanent``, ``poison``, ``budget``), for
            an agent that handles a :class:`agent_dispatcher.errors.BackendError` itself; ``""`` is ``transient``, or what ``permanent`` says.
        tokens, cost_usd: what calls of models used that were not made through ``context.llm``; those are counted in any case.
    """

    status: str = field(validator=in_(("done", "failed", "declined")))
    summary: str = ""
    artifacts: tuple[Artifact, ...] = field(default=(), converter=_artifacts)
    patch: PlanPatch | None = None
    error: str | None = None
    permanent: bool = False
    sort: str = field(default="", validator=in_(("", *BackendError.SORTS, "budget")))
    tokens: int = 0
    cost_usd: float | None = None
    evidence: tuple[Evidence, ...] = ()
    dispute: Dispute | None = None


class AgentWorkspace(Protocol):
    """The attempt's own folder, seen through the path guard. Paths are relative, ``/`` separated."""

    def read_text(self, path: str) -> str:
        """The file's text (UTF-8); :class:`FileNotFoundError`, :class:`agent_dispatcher.errors.PathRefused`."""
        ...

    def read_bytes(self, path: str) -> bytes: ...

    def write_text(self, path: str, text: str) -> None:
        """Write the whole file, whole or not at all; parents are made; :class:`agent_dispatcher.errors.PathRefused`."""
        ...

    def write_bytes(self, path: str, data: bytes) -> None: ...

    def delete(self, path: str) -> None: ...

    def exists(self, path: str) -> bool: ...

    def files(self) -> tuple[str, ...]:
        """All regular files, sorted, without ``.git``."""
        ...


class AgentSandbox(Protocol):
    """The sandbox, bound to the attempt's folder and the language's environment.

    Attributes:
        tier: how much it holds: ``isolated``, ``reduced`` or ``none``.
    """

    @property
    def tier(self) -> str: ...

    async def run(
        self,
        argv: Sequence[str],
        limits: Limits | None = None,
        *,
        env: Mapping[str, str] | None = None,
        read_only: Sequence[Path] = (),
        sockets: Sequence[Path] = (),
    ) -> Completed:
        """Run a command in the attempt's folder.

        Args:
            env: variables beside those of the language.
            read_only: folders to be readable beside those of the language.
            sockets: Unix sockets the command may talk to; there is no other network.
        """
        ...


@frozen(kw_only=True, weakref_slot=False)
class AgentContext:
    """What an agent may use during one attempt.

    Attributes:
        run: the run's id.
        attempt: 1 for the first.
        specification: what is being built.
        language: the active language, ``None`` without one.
        workspace: read and write files of the attempt's own tree.
        sandbox: run commands on them.
        llm: the model backend in use, ``None`` without one. What it takes is counted, priced and on record, and kept within the budget: a call
            that does not fit raises :class:`agent_dispatcher.errors.BudgetExceeded`, which is best left alone.
        bus: messages from and to others; see :class:`agent_dispatcher.agents.messages.AgentBus`.
        inputs: landed artifacts of the tasks this one depends on.
        promised: what this task and all others promise to produce, by task id.
        settled: gives the ids of the tasks whose work is there for certain: all that this one waits for, however indirectly, and, when its own work
            was refused, the tests behind which it lands. What other tasks make is there or not as it happens: an agent that is to do the same
            each time does not go by it.
        feedback: what the checks said when an earlier attempt was rejected; ``""`` at first.
        deadline: seconds on :func:`time.monotonic`'s clock after which the attempt is ended.
        progress: ``progress(fraction, text)``; fraction from 0 to 1.
        earlier: the bytes of a file as it was when the run began, ``None`` where there was none; ``None`` where the workspace cannot show that.
        log: a logger named after the agent type. Keys that the run knows of are taken out of what is written to it.
        asked: ``asked(what, subject, granted)`` puts on record what a program that works for the agent asked for (``permission``, ``read``,
            ``write``) and whether it got it.
        scrub: a text without the keys that the run knows of: for what comes from outside and is kept as it came (a page, an answer of a tool).
    """

    run: str
    attempt: int
    task: str
    specification: Specification
    workspace: AgentWorkspace
    sandbox: AgentSandbox
    language: Language | None = None
    llm: LlmBackend | None = None
    bus: AgentBus = field(default=None, repr=False)
    inputs: tuple[Artifact, ...] = ()
    promised: Mapping[str, tuple[ArtifactRef, ...]] = field(factory=dict)
    settled: Callable[[], frozenset[str]] = field(default=frozenset, repr=False)
    feedback: str = ""
    deadline: float = float("inf")
    progress: Callable[[float, str], None] = field(default=lambda fraction, text: None)
    earlier: Callable[[str], Awaitable[bytes | None]] | None = None
    log: logging.Logger = field(factory=lambda: logging.getLogger("agent_dispatcher.agents"))
    asked: Callable[[str, str, bool], None] = field(default=lambda what, subject, granted: None, repr=False)
    scrub: Callable[[str], str] = field(default=str, repr=False)

    def effect_key(self, name: str) -> str:
        """An idempotency key for an effect on the outside world: the same in every attempt of this task in this run."""
        return f"{self.run}/{self.task}/{name}"

    def task_context(self, task: Task) -> TaskContext:
        """What ``task`` needs of the specification and no more, as values and (``to_text``) as a part of a prompt."""
        from ..planning.context import task_context

        return task_context(task, self.specification)


class _Life:
    """What both sorts of agents share. Everything here is optional to override.

    One instance works on one task at a time and may be used for many. ``setup`` is awaited once before the first, ``teardown`` once after the last.

    Attributes:
        commands_write: whether what its commands write into the folder is part of its work. Where they only try what it wrote, ``False``: then only what
            it wrote or deleted through its workspace is kept, and what tests and tools leave behind is not.
    """

    commands_write: bool = True

    async def setup(self) -> None:
        """Get ready; an exception retires the instance."""

    async def healthy(self) -> bool:
        """Whether it can do another task; awaited each time before one that has worked gets the next. ``False``, an exception, or no answer
        within five seconds retires it, and a new instance does the task."""
        return True

    async def teardown(self) -> None:
        """Give back what :meth:`setup` took."""

    def on_start(self, task: Task) -> None:
        """Called before ``execute``."""

    def on_progress(self, task: Task, fraction: float, text: str) -> None:
        """Called when the agent reported progress."""

    def on_result(self, task: Task, result: AgentResult) -> None:
        """Called after ``execute`` returned."""

    def on_error(self, task: Task, error: BaseException) -> None:
        """Called after ``execute`` raised or was cancelled."""

    def on_retire(self) -> None:
        """Called when the instance will get no more tasks."""


class BaseAgent(_Life):
    """An agent that awaits. Override :meth:`execute`."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Do the task in ``context.workspace``.

        Args:
            task: what to do.
            context: what may be used.

        Returns:
            What was done, or why not. Nothing counts until checks have passed on it.

        Raises:
            Exception: any exception is a failed attempt, retried like one.
        """
        raise TypeError(f"{type(self).__name__} does not override execute()")

    async def perform(self, task: Task, context: AgentContext) -> AgentResult:
        """How the executor calls :meth:`execute`; not for overriding."""
        return await self.execute(task, context)


class SyncAgent(_Life):
    """An agent that blocks: its :meth:`execute` is a plain function, run in a thread."""

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """As :meth:`BaseAgent.execute`. It cannot be interrupted, so look at ``context.deadline``."""
        raise TypeError(f"{type(self).__name__} does not override execute()")

    async def perform(self, task: Task, context: AgentContext) -> AgentResult:
        """How the executor calls :meth:`execute`; not for overriding."""
        return await asyncio.to_thread(self.execute, task, context)
