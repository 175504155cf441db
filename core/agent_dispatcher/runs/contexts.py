"""What agents of a run are given to work with: always by the plan as it is now."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..agents.base_agent import AgentContext
from ..extension.components import Language, Opened, Sandbox
from ..making import maker
from ..models import Artifact, ArtifactRef, Event, ExecutionPlan, Task
from ..provenance.logs import CleanLogger
from ..provenance.scrubbing import Scrubber
from ..workspace.agent_workspace import GuardedWorkspace, TaskSandbox, TellAccess, TellCommand

__all__ = ["Contexts", "artifacts_of"]


def _nobody(opened: Opened, what: str, subject: str, granted: bool) -> None:
    """Where nothing is kept."""


_make: Callable[..., AgentContext] = maker(AgentContext)


class Contexts:
    """Makes the context of each attempt.

    Args:
        run: the run's id.
        sandbox: what agents' commands run in.
        language: the active language.
        artifacts: task id to what it made; read whenever a context is made.
        tell_command: told of each command that an agent ran.
        tell_access: told of what a program that works for an agent asked for.
        earlier: shows files as they were when the run began.
        scrubber: takes keys out of what agents log.
    """

    def __init__(
        self,
        *,
        run: str,
        sandbox: Sandbox,
        language: Language | None,
        artifacts: Mapping[str, tuple[Artifact, ...]],
        tell_command: TellCommand | None = None,
        tell_access: TellAccess | None = None,
        earlier: Callable[[str], Awaitable[bytes | None]] | None = None,
        scrubber: Scrubber | None = None,
    ) -> None:
        self._scrubber = Scrubber() if scrubber is None else scrubber
        self._earlier = earlier
        self._run = run
        self._tell_command = tell_command
        self._tell_access = tell_access or _nobody
        self._sandbox = sandbox
        self._language = language
        self._artifacts = artifacts
        self._loggers: dict[str | None, logging.Logger] = {}

    def use(self, plan: ExecutionPlan) -> None:
        """Go by this plan from now on."""
        self._specification = plan.specification
        self._promised: Mapping[str, tuple[ArtifactRef, ...]] = {
            task.id: task.produces for task in plan.tasks if task.produces
        }
        self._plan = plan
        self._before: dict[str, list[str]] | None = None

    def make(
        self,
        task: Task,
        attempt: int,
        opened: Opened,
        feedback: str,
        /,
        *,
        bus: Any,
        deadline: float,
        progress: Callable[[float, str], None],
        llm: Any = None,
    ) -> AgentContext:
        """The context of one attempt in its open folder; the rest are fields that the attempt knows."""
        log = self._loggers.get(task.agent_type)
        if log is None:
            name = f"agent_dispatcher.agents.{task.agent_type}"
            log = self._loggers[task.agent_type] = CleanLogger(name, self._scrubber)
        return _make(
            run=self._run,
            attempt=attempt,
            task=task.id,
            specification=self._specification,
            workspace=GuardedWorkspace(opened),
            sandbox=TaskSandbox(self._sandbox, opened, self._language, None, self._tell_command),
            language=self._language,
            llm=llm,
            bus=bus,
            inputs=self._inputs(task) if self._artifacts else (),
            promised=self._promised,
            settled=partial(self._settled, task.id, bool(feedback)),
            feedback=feedback,
            deadline=deadline,
            progress=progress,
            earlier=self._earlier,
            asked=partial(self._tell_access, opened),
            log=log,
            scrub=self._scrubber.text,
        )

    def _inputs(self, task: Task) -> tuple[Artifact, ...]:
        return tuple(made for before in self._waits_for(task.id) for made in self._artifacts.get(before, ()))

    def _settled(self, task: str, refused: bool) -> frozenset[str]:
        found: set[str] = set()
        ahead = list(self._waits_for(task))
        if refused:
            ahead += [gate.test for gate in self._plan.gates if gate.subject == task]
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += self._waits_for(name)
        return frozenset(found)

    def _waits_for(self, task: str) -> Sequence[str]:
        if self._before is None:  # first asked for when something was made: in many a run nothing is
            self._before = {}
            for before, after in self._plan.binding_edges():
                self._before.setdefault(after, []).append(before)
        return self._before.get(task, ())


def artifacts_of(task: str, event: Event) -> tuple[Artifact, ...]:
    """What a sealed attempt at the task made, as the event about it says."""
    made = event.data["artifacts"]
    return tuple(Artifact(name=item["name"], type=item["type"], path=item["path"], task=task) for item in made)
