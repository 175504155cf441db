"""Attempts in progress: a folder is opened, an agent works in it, its work is sealed, and the engine is told once what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from ..agents.base_agent import AgentContext, AgentResult
from ..errors import StoreError, Unavailable
from ..extension.components import Change, Executor, Opened, Workspace
from ..failpoints import failpoint
from ..llm.waiting import not_waiting
from ..making import table
from ..models import PlanPatch, Task
from . import transitions as t
from .agent_factory import AgentFactory
from .attempt import (
    RunningAttempt,
    checked_result,
    cleaned_result,
    found_wrong,
    make_envelope,
    make_host,
    sealed_data,
    shortened,
    words_of,
)
from .failures import COUNTED, POISON, retry_after_s, sort_of
from .lane import evidence_data
from .message_bus import MessageBus
from .model_calls import AgentLlm, ModelCalls
from .relay import Relay
from .retry import FailureJudge, Judgement
from .run_state import AFTER_DISPUTE
from .sealing import KeyInWork, Sealing
from .settings import CoordinatorSettings
from .state_manager import StateManager
from .work import Work

__all__ = ["Attempts", "ContextFor"]

log = logging.getLogger(__name__)

#: Paths that are named in the record of what was left out.
MAX_LEFT_OUT = 50

_started_data = table("agent_type", "agent", "base")


class ContextFor(Protocol):
    """Makes what an agent may use: of a task, its attempt, its open folder and the feedback on the attempt before; the rest are further fields."""

    def __call__(
        self,
        task: Task,
        attempt: int,
        opened: Opened,
        feedback: str,
        /,
        *,
        deadline: float,
        progress: Callable[[float, str], None],
        bus: Any,
        llm: Any = None,
    ) -> AgentContext: ...


class Attempts:
    """Carries out attempts, each as if in a task of its own (see :mod:`agent_dispatcher.coordination.relay`).

    Args:
        tasks: task id to task, as the plan is now.
        propose: keeps what an agent wants changed in the plan, until its work has landed.
        dispute: takes an agent's objection to a test, to be decided in the turn that learns of the attempt's end.
        feed: hands an outcome to the engine with the next turn.
        want_turn: makes sure that there is a next turn.
        broken: told about an error that ends the run.
        go_on: called in the task of attempts that waited for nothing, when they are over; must not raise.
        models: what agents ask a language model through, if there is one.
    """

    def __init__(
        self,
        *,
        run: str,
        tasks: Mapping[str, Task],
        workspace: Workspace,
        executor: Executor,
        factory: AgentFactory,
        bus: MessageBus,
        settings: CoordinatorSettings,
        context_for: ContextFor,
        state: StateManager,
        work: Work,
        judge: FailureJudge,
        propose: Callable[[str, int, PlanPatch], None],
        dispute: Callable[[str, int, dict[str, Any]], None],
        feed: Callable[[t.EngineEvent], None],
        want_turn: Callable[[], None],
        broken: Callable[[BaseException], None],
        go_on: Callable[[], Awaitable[None]],
        monotonic: Callable[[], float],
        models: ModelCalls | None = None,
    ) -> None:
        self._run = run
        self._tasks = tasks
        self._workspace = workspace
        self._executor = executor
        self._factory = factory
        self._bus = bus
        self._settings = settings
        self._context_for = context_for
        self._state = state
        self._work = work
        self._judge = judge
        self._propose = propose
        self._dispute = dispute
        self._feed = feed
        self._want_turn = want_turn
        self._broken = broken
        self._monotonic = monotonic
        self._models = models
        self._running: dict[str, RunningAttempt] = {}
        self._announced: list[RunningAttempt] = []
        self._relay = Relay(self._attempt, waits=_has_waited, after=go_on)
        self._sealed: deque[tuple[str, int, Change, dict[str, Any]]] = deque()
        self._abandoned: set[asyncio.Task[None]] = set()

    # --- what the coordinator asks for ----------------------------------------------------------------------------

    def announce(self, start: t.Start) -> None:
        """Claim an agent and gather the record of the start. The agent does not begin before :meth:`begin`."""
        task = self._tasks[start.task]
        claim = self._factory.claim(start.agent_type, task.group)
        now, base, timeout_s = self._monotonic(), self._work.tip, self._settings.timeout_s(task)
        overdue_at = now + timeout_s + self._settings.grace_s
        running = self._running[task.id] = RunningAttempt(task, start.attempt, claim, base, timeout_s, now, overdue_at)
        data = _started_data(start.agent_type, claim.name, base)
        self._state.append("attempt.started", task=task.id, attempt=start.attempt, data=data)
        self._announced.append(running)

    def take_announced(self) -> list[RunningAttempt]:
        """What was announced since the last call, for :meth:`begin`."""
        announced, self._announced = self._announced, []
        return announced

    def begin(self, announced: Iterable[RunningAttempt]) -> None:
        """Let announced attempts go, now that their starts are recorded."""
        self._relay.begin(announced)

    def tell_sealed(self, at_most: int | None = None) -> None:
        """Record attempts that were sealed, the first first, and tell the engine.

        Those that waited for something are kept until they are asked for here. They had their agents begin together, and end together: where
        a turn takes only some of them, the next agents begin while the others are still recorded, and are spread out from then on.
        """
        sealed = self._sealed
        for _ in range(len(sealed) if at_most is None else min(at_most, len(sealed))):
            self._tell_sealed(*sealed.popleft())

    @property
    def any_sealed(self) -> bool:
        """Whether :meth:`tell_sealed` has some left."""
        return bool(self._sealed)

    @property
    def any_at_work(self) -> bool:
        """Whether any attempt has been let go and is not over."""
        return bool(self._relay.due or self._sealed) or any(
            running.job is not None for running in self._running.values()
        )

    def cancel(self, task: str) -> bool:
        """Tell the attempt to end; :meth:`look_after` gives it up if it does not. ``False`` when none is in progress."""
        running = self._running.get(task)
        if running is None:
            return False
        running.stopping = True
        running.overdue_at = min(running.overdue_at, self._monotonic() + self._settings.grace_s)
        if running.job is not None and not running.sealing:
            running.job.cancel()
        return True

    def look_after(self) -> None:
        """Give up attempts that are overdue. An agent that cannot be ended keeps its folder to itself and is never used again."""
        now = self._monotonic()
        for running in [one for one in self._running.values() if now > one.overdue_at + one.waited_s(now)]:
            running.close_access()
            at_work_in = running.opened.path if running.opened is not None and not running.sealing else None
            self._factory.abandon(running.claim, running.task.id, at_work_in)
            job = running.job
            self._end(
                running,
                "the agent did not end when it was told to",
                "cancelled" if running.stopping else "timeout",
                sort=POISON,
                broken=True,
            )
            if job is not None:
                self._abandoned.add(job)
                job.add_done_callback(self._abandoned.discard)
                job.cancel()

    def abort(self) -> Iterable[asyncio.Task[None]]:
        """Cancel everything without telling anyone; returns what is still ending."""
        jobs = list(self._relay.due)
        for running in self._running.values():
            running.over = True
            if running.job is not None:
                running.job.cancel()
                jobs.append(running.job)
        self._running.clear()
        return jobs

    # --- one attempt ----------------------------------------------------------------------------------------------

    async def _attempt(self, running: RunningAttempt, job: asyncio.Task[None]) -> None:
        """Open, perform, seal; whatever happens, the engine is told exactly once. One that was given up before it began is passed over."""
        if running.over:
            return
        running.job = job
        try:
            if running.stopping:
                self._end(running, "cancelled before it began", "cancelled")
                return
            await self._carry_out(running)
        except BaseException as error:
            try:
                await self._settle(running, error)
            except (
                BaseException
            ) as worse:  # also what goes wrong here: an engine that is never told would wait for ever
                self._broken(worse)

    async def _settle(self, running: RunningAttempt, error: BaseException) -> None:
        """What an attempt that raised comes to."""
        if isinstance(error, StoreError) or not isinstance(error, (Exception, SystemExit, asyncio.CancelledError)):
            self._broken(error)
            return
        running.claim.tell("on_error", running.task, error)
        await self._discard(running)
        if isinstance(error, asyncio.CancelledError):
            reason = "cancelled" if running.stopping else "raised"
            self._end(running, "the attempt was cancelled", reason, broken=True)
        else:
            text, reason = self._why(error, running)
            self._end(running, text, reason, sort=sort_of(error), asked_s=retry_after_s(error), broken=True)

    async def _carry_out(self, running: RunningAttempt) -> None:
        task = running.task
        running.opened = opened = await self._workspace.open(task, running.attempt, running.base or None)
        failpoint("attempt.opened")
        result = await self._perform(running, opened)
        failpoint("attempt.performed")
        if running.over:
            return  # given up long ago
        if running.claim.overridden:
            running.claim.tell("on_result", task, result)
        if result.status != "done":
            await self._discard(running)
            error = result.error or result.summary or f"the agent {result.status} without saying why"
            sort = result.sort or ("permanent" if result.permanent else "transient")
            more = self._more(running, result) if result.evidence or result.dispute is not None else None
            self._end(running, error, result.status, permanent=sort == "permanent", sort=sort, more=more)
            return
        running.sealing = True
        if result.patch is not None:
            self._propose(task.id, running.attempt, result.patch)
        sealing = self._sealing(running, opened)
        try:
            change = await self._seal(running, opened, result, sealing)
        except KeyInWork as found:
            self._work.feedback[task.id] = str(found)
            self._end(running, str(found), "failed", more={"feedback": str(found)})
            return
        data = sealed_data(result, change, self._monotonic() - running.started_at)
        if sealing is not None and sealing.left_out:
            data["left_out"] = list(sealing.left_out[:MAX_LEFT_OUT])
        if running.llm is not None and running.llm.asked:
            data["tokens"], data["cost_usd"] = 0, None  # on record call by call
        if self._over(running):
            data["agent_s"] = running.agent_s
            if running.waited:
                self._sealed.append((task.id, running.attempt, change, data))
                self._want_turn()
            else:
                self._tell_sealed(task.id, running.attempt, change, data)

    def _tell_sealed(self, task: str, attempt: int, change: Change, data: dict[str, Any]) -> None:
        data["turn"] = self._work.turn
        self._state.append("attempt.sealed", task=task, attempt=attempt, data=data)
        self._work.changes[task] = change
        self._feed(t.AttemptSealed(task, attempt))

    def _more(self, running: RunningAttempt, result: AgentResult) -> dict[str, Any]:
        """What a result that is not *done* has to say beside its error."""
        more = dict[str, Any]()
        if result.evidence:
            more["evidence"] = evidence_data(found_wrong(result, running.task.id, running.attempt))
        if result.dispute is not None and result.status == "failed":
            more["dispute"] = {"test": result.dispute.test, "quote": result.dispute.quote}
        return more

    async def _perform(self, running: RunningAttempt, opened: Opened) -> AgentResult:
        """Let the agent work."""
        task, claim, number = (
            running.task,
            running.claim,
            running.attempt,
        )  # what knows no attempt forms no cycle with it
        agent = claim.agent if claim.is_at_hand else None
        if agent is None:
            agent = await self._factory.ready(claim)
        timeout_s, clean = running.timeout_s, self._settings.scrubber.text

        def progress(fraction: float, text: str) -> None:
            claim.tell("on_progress", task, fraction, text)
            payload = {"task": task.id, "attempt": number, "fraction": fraction, "text": clean(text)[:1000]}
            self._bus.send("attempt.progress", payload)

        began = self._monotonic()
        running.context = context = self._context_for(
            task,
            running.attempt,
            opened,
            self._work.feedback.get(task.id, ""),
            deadline=began + timeout_s,
            progress=progress,
            bus=self._bus,
            llm=None if self._models is None else self._model_for(self._models, running),
        )
        if claim.overridden:
            claim.tell("on_start", task)
        waited_s = not_waiting if running.llm is None else running.llm.waiting.seconds
        envelope = make_envelope(self._run, task.id, running.attempt, claim.agent_type, timeout_s)
        try:
            result = await self._executor.run(envelope, make_host(task, agent, context, waited_s))
        finally:
            running.agent_s = round(self._monotonic() - began, 6)
            if running.llm is not None:
                running.llm.close()
        return cleaned_result(checked_result(result, claim.name), self._settings.scrubber)

    @staticmethod
    def _model_for(models: ModelCalls, running: RunningAttempt) -> AgentLlm:
        """The language model, as the agent gets it."""
        claim = running.claim
        running.llm = models.of(running.task.id, running.attempt, claim.agent_type, claim.name)
        return running.llm

    def _sealing(self, running: RunningAttempt, opened: Opened) -> Sealing | None:
        """What is asked before the work is kept, where the workspace lets anybody ask."""
        if not getattr(self._workspace, "selects", False):
            return None
        wrote = None
        if not getattr(running.claim.agent, "commands_write", True):
            wrote = getattr(getattr(running.context, "workspace", None), "touched", None)
        sealing = Sealing(self._workspace, opened, self._settings.scrubber, wrote)
        return sealing if sealing.anything else None

    async def _seal(
        self, running: RunningAttempt, opened: Opened, result: AgentResult, sealing: Sealing | None
    ) -> Change:
        """Keep the work as one commit that says where it comes from."""
        task = running.task
        trailers = [
            ("Dispatcher-Run", self._run),
            ("Dispatcher-Task", task.id),
            ("Dispatcher-Attempt", str(running.attempt)),
            ("Dispatcher-Agent", running.claim.agent_type),
        ]
        if task.requirements:
            trailers += [("Dispatcher-Requirement", requirement) for requirement in task.requirements]
        message = f"{task.title}\n\n{result.summary}" if result.summary else task.title
        failpoint("seal.before")
        running.opened = None  # from here on the folder is the workspace's, also when it cannot keep what is in it
        if sealing is None:
            change = await self._workspace.seal(opened, message, trailers=trailers)
        else:
            change = await self._workspace.seal(opened, message, trailers=trailers, keep=sealing)
        failpoint("seal.after")
        return change

    # --- how it ends ----------------------------------------------------------------------------------------------

    async def _discard(self, running: RunningAttempt) -> None:
        opened, running.opened = running.opened, None
        if opened is None or running.over:
            return  # nothing to give back, or given up: a folder somebody may still write into is not used again
        running.close_access()
        try:
            await self._workspace.discard(opened)
        except Exception:
            log.warning("the folder of task %s could not be given back", running.task.id, exc_info=True)

    def _over(self, running: RunningAttempt, *, broken: bool = False) -> bool:
        """Take the attempt off the list and give its agent back; ``False`` when that was done before."""
        if running.over:
            return False
        running.over = True
        del self._running[running.task.id]
        self._factory.release(running.claim, broken=broken)
        return True

    def _end(
        self,
        running: RunningAttempt,
        error: str,
        reason: str,
        *,
        permanent: bool = False,
        sort: str = "transient",
        asked_s: float | None = None,
        broken: bool = False,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Ask the policy what follows, record an attempt without sealed work, tell the engine.

        Args:
            sort: see :mod:`agent_dispatcher.coordination.failures`; nothing is said about an attempt that did not fail.
            asked_s: seconds a server asked to wait.
            more: what else goes on record; a ``dispute`` in it is decided with what follows from the attempt.
        """
        if not self._over(running, broken=broken):
            return
        if running.refused:
            sort, permanent = "budget", False
        elif running.exceeded and reason in COUNTED:
            sort = "transient" if sort == "budget" else sort
            error = error if running.exceeded in error else f"{error} ({running.exceeded})"
        task, number, error = running.task, running.attempt, shortened(self._settings.scrubber.text(error))
        if reason in ("timeout", "cancelled"):
            self._factory.follow_up(running.claim, task.id, self._settings.grace_s)
        duration_s = round(self._monotonic() - running.started_at, 6)
        permanent = permanent or sort == "permanent"
        judged = Judgement()
        if reason in COUNTED:
            judged = self._judge.judge(task, number, error, sort, asked_s)
        else:
            sort = ""
        data = {"error": error, "reason": reason, "permanent": permanent, "sort": sort, "duration_s": duration_s}
        data |= {"agent_s": running.agent_s, "judged": judged.to_data(), "turn": self._work.turn}
        if more:
            data |= more
            if "dispute" in more:
                self._dispute(task.id, number, more["dispute"])
                self._work.feedback[task.id] = AFTER_DISPUTE
        self._state.append("attempt.failed", task=task.id, attempt=number, data=data)
        self._feed(
            t.AttemptFailed(
                task.id, number, error, reason, permanent, judged.verdict, judged.delay_s, judged.agent_type, sort
            )
        )

    def _why(self, error: BaseException, running: RunningAttempt) -> tuple[str, str]:
        """(error, reason) of an attempt that raised."""
        timeout_s = running.timeout_s
        if isinstance(error, TimeoutError) and self._monotonic() - running.started_at >= timeout_s:
            return f"timed out after {timeout_s:g} s", "timeout"
        if isinstance(error, Unavailable):
            return words_of(error), "declined"
        return f"{type(error).__name__}: {shortened(words_of(error))}", "raised"


def _has_waited(running: RunningAttempt) -> None:
    running.waited = True
