"""The coordinator: performs what the engine decides, and tells the engine what came of it.

All it does in one turn of the event loop is recorded in one transaction, and only then acted upon: a task starts after the commit that
holds the completion of what it depends on. Agents work in tasks of their own; finished work lands in one lane, a batch at a time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..collecting import no_collections
from ..extension.components import Claimable, Executor, Workspace
from ..failpoints import failpoint
from ..models import ExecutionPlan, Task
from . import transitions as t
from .agent_factory import AgentFactory
from .approvals import PLAN_WAITS, Approvals
from .attempt import shortened
from .attempts import Attempts, ContextFor
from .backend_guard import BackendGuard
from .beginning import Beginning
from .circuit import CircuitNews
from .demand import Demand
from .ending import Ending, SourcePort
from .engine import Engine
from .final_checks import FinalChecks
from .lane import IntegrationPort, Lane
from .late_sync import Due, LateSync, go_on
from .message_bus import MessageBus
from .model_calls import ModelCalls
from .outbox import Outbox
from .patches import Advise, Patches
from .recording import Recorder
from .recovery import adopt
from .retry import FailureJudge, OnTaskError
from .run_state import RunState
from .settings import CoordinatorSettings
from .state_manager import StateManager
from .work import Work

__all__ = ["Coordinator", "CoordinatorSettings"]

log = logging.getLogger(__name__)


#: Seconds between looks at agents that are no longer needed.
_SHRINK_S = 30.0

#: Sealed attempts that one turn takes of those that waited, at least; a quarter of the places where that is more.
_SEALED_AT_ONCE = 8


class Coordinator:
    """Carries out one plan, once.

    Args:
        plan: what to do; patches that the log has are in it.
        run: the run's id.
        state: open, with ``run.started`` (and ``run.resumed``) recorded; closed by the caller.
        workspace: started for this run.
        integration: stages, checks and lands.
        executor: runs agents.
        factory: makes agents; closed by the caller.
        bus: carries messages; attached to the run here.
        settings: limits.
        assignments: task id to the agent types that accept it, best first.
        context_for: makes what an agent may use.
        on_task_error: a policy's answer to a failed attempt.
        priority: a policy's priority for a task.
        skipped: task id to the reason why it is left out, where the plan says only that it is.
        run_dir: what the ``log`` of evidence is relative to; then feedback quotes the logs.
        sources: told at the end which tasks are finished.
        advise: what plugins say about a plan with a patch in it.
        models: what agents ask a language model through; attached to the run here.
        demand: what tasks need beside an agent, and how much there is.
        fallbacks: task id to the agent types that take over one after the other.
        on_plan: told the plan whenever a patch has changed it, before anything follows from that.
        monotonic, rng: clock and chance, for tests.
    """

    def __init__(
        self,
        *,
        plan: ExecutionPlan,
        run: str,
        state: StateManager,
        workspace: Workspace,
        integration: IntegrationPort,
        executor: Executor,
        factory: AgentFactory,
        bus: MessageBus,
        settings: CoordinatorSettings,
        assignments: Mapping[str, tuple[str, ...]],
        context_for: ContextFor,
        on_task_error: OnTaskError | None = None,
        priority: Callable[[Task], float | None] | None = None,
        skipped: Mapping[str, str] | None = None,
        run_dir: Path | None = None,
        sources: SourcePort | None = None,
        advise: Advise | None = None,
        on_plan: Callable[[ExecutionPlan], None] | None = None,
        models: ModelCalls | None = None,
        demand: Demand | None = None,
        fallbacks: Mapping[str, tuple[str, ...]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._plan = plan
        self._tasks = {task.id: task for task in plan.tasks}
        self._run = run
        self._state = state
        self._workspace = workspace
        self._settings = settings
        self._assignments = assignments
        self._priority = priority
        self._skipped = skipped
        self._monotonic = monotonic
        self._work = Work()
        self._factory = factory
        self._judge = FailureJudge(settings.retry, rng, on_task_error)
        self._on_plan = on_plan
        self._models = models
        self._demand, self._fallbacks = demand, fallbacks or {}
        self._patches = Patches(
            state=state,
            plan=lambda: self._plan,
            turn=lambda: self._work.turn,
            landed=lambda: self._work.landed,
            advise=advise,
        )
        self._patched = False
        self._attempts = Attempts(
            run=run,
            tasks=self._tasks,
            workspace=workspace,
            executor=executor,
            factory=factory,
            bus=bus,
            settings=settings,
            context_for=context_for,
            state=state,
            work=self._work,
            judge=self._judge,
            propose=self._patches.propose,
            dispute=self._patches.dispute,
            feed=self._feed,
            want_turn=self._want_turn,
            broken=self._break,
            go_on=self._turn_at_once,
            monotonic=monotonic,
            models=models,
        )
        self._approvals = Approvals(
            types=settings.approvals,
            plan=settings.approve_plan,
            tasks=self._tasks,
            state=state,
            work=self._work,
            judge=self._judge,
            feed=self._feed,
        )
        self._lane = Lane(
            tasks=self._tasks,
            integration=integration,
            work=self._work,
            state=state,
            judge=self._judge,
            approvals=self._approvals,
            tell=self._tell,
            go_on=self._batch_landed,
            run_dir=run_dir,
        )
        self._performers: Mapping[type, Callable[[Any], None]] = {
            t.Start: self._attempts.announce,
            t.Land: self._lane.put,
            t.RetryAt: self._do_retry,
            t.Cancel: self._do_cancel,
            t.Finish: self._do_finish,
            t.PlanPatched: self._do_patched,
            t.PatchRefused: self._do_patch_refused,
            **Recorder(state, self._work).performers(),
        }
        self._engine: Engine | None = None
        self._inbox: deque[t.EngineEvent] = deque()
        self._finish: t.Finish | None = None
        self._done: asyncio.Future[t.Finish] | None = None
        self._final = FinalChecks(settings.grace_s)
        self._ending = Ending(
            state=state,
            workspace=workspace,
            integration=integration,
            work=self._work,
            checks=self._final,
            sources=sources,
        )
        self._outbox = Outbox(state, bus, self._want_turn)
        self._turn_due: asyncio.Handle | None = None
        self._lane_waited_for = False
        self._engine_waits = True  # to be called, also where there is nothing to tell it
        self._sealed_at_once = settings.sealed_at_once or max(_SEALED_AT_ONCE, settings.concurrency // 4)
        self._timers: dict[str, asyncio.TimerHandle] = {}  # task -> the end of its rest
        self._late: LateSync | None = None
        self._lane_job: asyncio.Task[Any] | None = None
        self._landing_overdue_at = self._deadline = float("inf")

    # --- the public face ------------------------------------------------------------------------------------------

    async def run(self) -> str:
        """Carry the plan out, from where the log ends.

        Returns:
            The run's status: ``completed``, ``partial``, ``failed``, ``cancelled`` or ``paused`` (also when nothing can go on before a
            person approves something); recorded as such.

        Raises:
            asyncio.CancelledError: this call was cancelled; agents were ended, the run can be resumed.
            Fenced: another process took the run over; nothing of this one counts any more.
            StoreError: state can no longer be recorded; the run can be resumed once that is mended.
        """
        self._done = asyncio.get_running_loop().create_future()
        if self._state.late_store is not None:
            self._late = LateSync(self._state.late_store.sync, self._act, self._break)
        helpers: list[asyncio.Task[Any]] = []
        try:
            with no_collections():
                await self._prepare()
            helpers = [asyncio.create_task(self._guarded(self._housekeeping))]
            self._take_requests()
            if self._approvals.plan_waits:
                self._feed(t.Stop("drain", PLAN_WAITS))
            self._turn()
            try:
                finish = await asyncio.shield(self._done)
            except asyncio.CancelledError:
                await self._interrupt()
                raise
            try:
                budget = self._models is not None and self._models.refusal
                return await self._ending.conclude(finish, self.statuses(), "budget" if budget else None)
            except asyncio.CancelledError:
                self._ending.interrupted()
                raise
        finally:
            await self._end_everything(helpers)

    def pause(self, why: str = "paused on request") -> None:
        """Let what is in progress end and land, begin nothing new; :meth:`run` then returns ``paused``."""
        self._feed(t.Stop("drain", why))

    def cancel(self, why: str = "cancelled on request") -> None:
        """End agents and give up what is not completed; sealed work is kept; :meth:`run` then returns ``cancelled``."""
        self._feed(t.Stop("cancel", why))

    def statuses(self) -> dict[str, str]:
        """Task id to status as of now; empty before the run began."""
        return {} if self._engine is None else self._engine.statuses()

    # --- beginning and ending -------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Make the log agree with the workspace, rebuild the engine from it, attach the bus."""
        state = self._state.state()
        tip = str(state.started.get("base") or "")
        if isinstance(self._workspace, Claimable):
            lease = self._state.lease
            await self._workspace.claim(f"run {self._run}, epoch {lease.epoch}: {lease.owner}", self._state.verify)
        if state.tasks or state.resumes:  # a power cut can take everything from the log but its beginning
            found = await self._workspace.reconcile(self._run)
            for event in adopt(self._plan, state, found):
                self._state.append(event.type, task=event.task, attempt=event.attempt, data=event.data)
            tip, state = found.tip, self._state.state()
        work = Work.of(self._plan, state, tip)
        self._work.tip, self._work.changes = work.tip, work.changes
        self._work.landed, self._work.commits, self._work.feedback = work.landed, work.commits, work.feedback
        self._judge.failures = {name: task.failures for name, task in state.tasks.items() if task.failures}
        self._approvals.open(state)
        self._patches.open(state)
        self._outbox.open()
        if self._models is not None:
            self._models.attach(self._state, self._outbox.recorded, self._want_turn, self._stop_for_budget)
            if isinstance(self._models.backend, BackendGuard):
                self._models.backend.attach(self._circuit_changed)
        if self._settings.max_execution_time_s is not None:
            self._deadline = self._monotonic() + self._settings.max_execution_time_s
        self._engine = self._restore(state)

    def _restore(self, state: RunState) -> Engine:
        priorities: dict[str, float] = {}
        if self._priority is not None:
            for task in self._plan.tasks:
                own = self._priority(task)
                if own is not None:
                    priorities[task.id] = own
        beginning = Beginning(
            concurrency=self._settings.concurrency,
            max_attempts=self._settings.max_attempts,
            attempts_by_type=self._settings.attempts_by_type,
            candidates=self._assignments,
            skipped=self._skipped or {},
            priorities=priorities,
            max_patches=self._settings.max_patches,
            max_patched_tasks=self._settings.max_patched_tasks,
            demand=self._demand,
            fallbacks=self._fallbacks,
            max_batch=self._max_batch(),
        )
        self._state.append("run.prepared", data=beginning.to_data(self._plan))
        return Engine.restore(self._plan, state, **beginning.options())

    def _max_batch(self) -> int:
        """How many sealed attempts may land together."""
        if not getattr(self._workspace, "stacks", False):
            return 1
        return self._settings.max_batch or int(getattr(self._workspace, "batch_size", 8))

    async def _interrupt(self) -> None:
        """This call is being cancelled: end the agents within their grace and leave a log that can be resumed."""
        assert self._done is not None
        self._feed(t.Stop("interrupt", "interrupted"))
        try:
            await asyncio.wait_for(asyncio.shield(self._done), self._settings.grace_s * 2 + 1)
        except TimeoutError:
            log.warning("not everything ended in time; the run can be resumed all the same")
        except Exception as error:
            log.warning("the run could not be recorded as paused, it can be resumed all the same: %s", error)
            return
        self._ending.interrupted()

    async def _end_everything(self, helpers: Iterable[asyncio.Task[Any]]) -> None:
        """Nothing of this run goes on in the background, except what refuses to end."""
        if self._models is not None and isinstance(self._models.backend, BackendGuard):
            self._models.backend.detach()
        self._outbox.close()
        for timer in self._timers.values():
            timer.cancel()
        left = [Due(*self._outbox.take())]
        if self._late is not None:
            left += await self._late.aclose(self._settings.grace_s)
        for due in left:
            due.cancel()
        lane = dict.fromkeys((self._lane_job, self._lane.server))  # the first may not have begun
        helpers = [*helpers, *(job for job in lane if job is not None)]
        jobs = [*helpers, *self._attempts.abort()]
        for helper in helpers:
            helper.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=self._settings.grace_s + 0.1)
        if self._done is not None and self._done.done() and not self._done.cancelled():
            self._done.exception()  # looked at: whoever awaited it has raised it
        self._final.close()
        self._done = None

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Let an error of a helper end the run instead of leaving it without the helper."""
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """The run cannot go on in this process."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        elif self._done is not None and self._done.exception() is None:
            self._final.fail(error)

    # --- turns ----------------------------------------------------------------------------------------------------

    def _feed(self, event: t.EngineEvent) -> None:
        """Let the engine know with the next turn. What it is told of is recorded by whoever knows of it; that it is to stop is recorded here."""
        if not isinstance(event, t.AttemptSealed):
            self._attempts.tell_sealed()  # what happened before
        if isinstance(event, t.Stop):
            if self._finish is not None and not self._final.stop(event):
                return  # nothing is left that could be stopped
            data = {"how": event.how, "why": event.why, "turn": self._work.turn}
            self._state.append("run.stopping", data=data)
        self._inbox.append(event)
        if self._turn_due is None:
            self._want_turn()

    def _tell(self, event: t.EngineEvent) -> None:
        """Let the engine know of a landing with the next turn, or with the end of its batch.

        What landed work wants changed in the plan is said with its landing, before anything that waited for it begins.
        """
        self._inbox.append(event)
        if self._patches.proposals and isinstance(event, t.AttemptLanded):
            asked = self._patches.landed(event.task, event.attempt)
            if asked is not None:
                self._inbox.append(asked)
                self._decide()
        if self._turn_due is None:
            self._want_turn()

    def _batch_landed(self) -> None:
        """Let the engine know at once, so that it says what lands next; what follows is recorded with the next turn."""
        if self._inbox:
            self._decide()

    def _want_turn(self) -> None:
        if self._turn_due is None and self._engine is not None:
            self._turn_due = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """What is due, and let the lane land what it is given: it looks at that before the next turn does."""
        lane_first = self._take_turn()
        if self._lane.is_due and self._lane.server is None:
            self._lane_job = asyncio.create_task(self._guarded(self._lane.serve))
        if lane_first:
            self._want_turn()

    async def _turn_at_once(self) -> None:
        """The same in the task of attempts that waited for nothing, as long as nobody else is at work: there is nothing that a turn could have in common with them."""
        while self._turn_due is not None and not self._attempts.any_at_work:
            self._turn_due.cancel()
            if self._take_turn():
                self._want_turn()  # a landing that waits for something is no reason not to record what there is
            if self._lane.is_due:
                await self._guarded(self._lane.serve)

    def _take_turn(self) -> bool:
        """Decide, record, then act; whether the lane is to look at something first. Everything since the last turn goes into one transaction.

        A turn that gives the lane something to land waits, once, until the lane has looked at it: a landing that waits for nothing, and what
        follows from it, is recorded together with what was sealed. Of attempts that waited and were sealed at once a turn takes a part only, so
        that the next agents need not wait for the record of all of them.
        """
        done = self._done
        if done is None or (done.done() and done.exception() is not None):
            self._turn_due = None
            return False
        try:
            if not self._lane_waited_for:
                self._attempts.tell_sealed(self._sealed_at_once)
            self._turn_due = None
            if self._finish is None:
                for asked in self._patches.due():
                    self._inbox.append(asked)
                    self._decide()
            if self._inbox or self._patches.disputes or self._engine_waits:
                self._decide()
            self._lane_waited_for = self._lane.is_due and not self._lane_waited_for
            if self._lane_waited_for:
                return True
            if self._attempts.any_sealed:
                self._want_turn()
            late = self._late
            if late is not None and (self._attempts.any_at_work or self._lane.current):
                self._state.flush(soon=True)
                late.hold(self._due())
                return False
            self._state.flush()
            if late is not None:
                late.release()
            self._act(self._due())
        except BaseException as error:
            self._break(error)
        return False

    def _due(self) -> Due:
        """What follows from what is recorded now; taken off the lists."""
        due = Due(*self._outbox.take(), self._attempts.take_announced(), self._patched, self._finish)
        self._patched = False
        return due

    def _act(self, due: Due) -> None:
        """Do what follows from a turn that is recorded."""
        if due.awaited:
            go_on(due.awaited)
        if due.patched:
            failpoint("patch.recorded")
        if due.published:
            self._outbox.hand_out(due.published)
        self._attempts.begin(due.starts)
        if due.finish is not None and self._done is not None and not self._done.done():
            self._done.set_result(due.finish)

    def _decide(self) -> None:
        """Hand the inbox to the engine; gather what is to be recorded, started and landed."""
        assert self._engine is not None
        if self._patches.disputes:  # with the ends of their attempts: before anything else begins
            self._inbox.extend(self._patches.disputed())
        events = tuple(self._inbox)
        self._inbox.clear()
        for instruction in self._engine.handle(*events, hold=True):
            self._performers[type(instruction)](instruction)
        self._work.turn += 1
        self._engine_waits = self._engine.holding
        if self._engine_waits:
            self._want_turn()

    def _do_retry(self, retry: t.RetryAt) -> None:
        data: dict[str, Any] = {"delay_s": round(retry.delay_s, 3), "agent_type": retry.agent_type}
        if retry.fallback:
            data["fallback"] = retry.fallback
        self._state.append("attempt.retry", task=retry.task, attempt=retry.attempt, data=data)
        if retry.delay_s > 0:
            earlier = self._timers.pop(retry.task, None)
            if earlier is not None:  # a patch or a gate ended that rest
                earlier.cancel()
            loop = asyncio.get_running_loop()
            self._timers[retry.task] = loop.call_later(retry.delay_s, self._retry_due, retry.task, retry.attempt)

    def _retry_due(self, task: str, attempt: int) -> None:
        self._timers.pop(task, None)
        self._state.append("attempt.due", task=task, attempt=attempt, data={"turn": self._work.turn})
        self._feed(t.RetryDue(task))

    def _do_cancel(self, cancel: t.Cancel) -> None:
        if not self._attempts.cancel(cancel.task):
            self._landing_overdue_at = self._monotonic() + self._settings.grace_s

    def _do_patched(self, patched: t.PlanPatched) -> None:
        self._plan = patched.plan
        self._tasks.clear()
        self._tasks.update((task.id, task) for task in patched.plan.tasks)
        for name in patched.patch.remove:
            self._work.changes.pop(name, None)
            self._work.feedback.pop(name, None)
        self._patches.record(patched)
        self._patched = True
        if self._on_plan is not None:
            self._on_plan(patched.plan)

    def _do_patch_refused(self, refused: t.PatchRefused) -> None:
        self._patches.record_refusal(refused)
        self._patched = True

    def _do_finish(self, finish: t.Finish) -> None:
        self._finish = finish

    # --- backends, housekeeping and requests ------------------------------------------------------------------------

    def _circuit_changed(self, backend: str, news: CircuitNews) -> None:
        """Tasks that need the backend are begun, or not, from the next turn on."""
        if self._finish is not None:
            return
        data = {"backend": backend, "state": news.state, "why": shortened(news.why), "wait_s": round(news.wait_s, 3)}
        self._state.append("circuit.changed", data={**data, "turn": self._work.turn})
        self._feed(t.CircuitChanged(backend, news.state))
        if news.is_unreached:
            self.pause(f"backend {backend} was not reached even once: {news.why} (is its address right?)")

    def _stop_for_budget(self, why: str) -> None:
        self.pause(f"stopped by the budget: {why}")

    async def _housekeeping(self) -> None:
        """Requests from other processes, the lease, overdue attempts, the run's own deadline."""
        shrink_at = self._monotonic() + _SHRINK_S
        while True:
            await asyncio.sleep(self._settings.poll_s)
            self._state.keep()
            self._take_requests()
            self._attempts.look_after()
            now = self._monotonic()
            if now > shrink_at:
                shrink_at = now + _SHRINK_S
                self._factory.shrink()
            if now > self._landing_overdue_at:
                self._landing_overdue_at = float("inf")
                self._break_off_landing()
            if now > self._deadline:
                self._deadline = float("inf")
                why = f"max_execution_time of {self._settings.max_execution_time_s:g} s was reached"
                self._feed(t.Stop("interrupt", why))

    def _take_requests(self) -> None:
        """Do what other processes asked for."""
        for command in self._state.requests():
            self._obey(command)

    def _obey(self, command: Mapping[str, Any]) -> None:
        wanted = command.get("command")
        if wanted == "pause":
            self.pause()
        elif wanted == "cancel":
            self.cancel()
        elif wanted in ("approve", "reject"):
            self._approvals.answer(command)
        elif wanted == "patch":
            self._patches.request(command)
            self._want_turn()
        else:
            text = f"request {wanted!r} is not known and was passed over"
            self._state.append("run.warning", data={"text": text})
            self._want_turn()

    def _break_off_landing(self) -> None:
        """A landing outlives its grace after a stop: end it. The work is still sealed, or the next resume finds it landed."""
        landing = list(self._lane.current)
        if landing and self._lane.server is not None:
            self._lane.server.cancel()
            for task, attempt in landing:
                self._state.append("landing.stopped", task=task.id, attempt=attempt, data={"turn": self._work.turn})
                self._feed(t.AttemptFailed(task.id, attempt, "the landing was broken off", "cancelled"))
