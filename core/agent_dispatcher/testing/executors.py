"""What an executor must keep to: the agent's outcome passes through, time and cancelling end it, and attempts do not hinder each other."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Any

from ..agents.base_agent import AgentContext, AgentResult, BaseAgent, SyncAgent
from ..coordination.attempt import AttemptHost, Envelope
from ..extension.components import Executor
from ..models import Task
from .context import context_for
from .contract import Contract
from .samples import sample_specification

__all__ = ["ExecutorContract"]

_DONE = AgentResult(status="done", summary="did it", tokens=3)


class ExecutorContract(Contract):
    """Subclass it and override :meth:`make_executor`."""

    def make_executor(self) -> Executor:
        """A fresh executor."""
        self.to_override("make_executor(self)")

    def test_the_result_passes_through(self) -> None:
        """What ``execute`` returned comes back unchanged, of agents that await and of those that block."""
        agents: tuple[_Awaits | _Blocks, ...] = (_Awaits(), _Blocks())
        for agent in agents:
            result = self._run(agent)
            self.promise(
                result == _DONE,
                f"{agent} returned {_DONE}, the executor gave {result!r}",
                "run returns the agent's result",
            )

    def test_the_agent_gets_its_task_and_context(self) -> None:
        """``execute`` is called once, with the task and the context of the host."""
        agent = _Awaits()
        host = _host(agent)
        self.go(self.make_executor().run(_envelope(), host))
        same = len(agent.calls) == 1 and agent.calls[0][0] == host.task and agent.calls[0][1] is host.context
        self.promise(
            same,
            f"execute was called with {len(agent.calls)} pairs of task and context, or with others",
            "one attempt is one call, with the host's task and context",
        )

    def test_an_exception_passes_through(self) -> None:
        """What the agent raised comes out as it was, of both sorts of agents, and nothing is tried again."""
        agents: tuple[_Awaits | _Blocks, ...] = (
            _Awaits(ValueError("bad spec.md:3")),
            _Blocks(ValueError("bad spec.md:3")),
        )
        for agent in agents:
            attempt = partial(self._run, agent)
            error = self.raises(ValueError, attempt, "an agent raised ValueError", "run raises what the agent raised")
            self.promise(
                str(error) == "bad spec.md:3", f"the error's text became {error}", "run raises what the agent raised"
            )
            self.promise(
                len(agent.calls) == 1,
                f"a failing agent was called {len(agent.calls)} times",
                "an executor does not retry",
            )

    def test_too_long_an_attempt_is_ended(self) -> None:
        """After ``timeout_s`` the attempt ends with TimeoutError, and an agent that awaits was cancelled."""
        agent = _Sleeps()

        async def work() -> tuple[str, float, bool]:
            begun, how = time.monotonic(), "nothing"
            try:
                await self.make_executor().run(_envelope(0.2), _host(agent))
            except Exception as error:
                how = type(error).__name__
            took = time.monotonic() - begun
            await asyncio.sleep(0.1)
            return how, took, agent.cancelled

        how, took, cancelled = self.go(work())
        self.promise(
            how == "TimeoutError",
            f"when an attempt took longer than timeout_s, it raised {how}",
            "run raises TimeoutError",
        )
        self.promise(took < 5.0, f"a limit of 0.2 seconds took {took:.1f}", "the attempt ends after timeout_s")
        self.promise(cancelled, "the agent was left running after its time was up", "the agent is cancelled")

    def test_cancelling_reaches_the_agent(self) -> None:
        """Cancelling ``run`` cancels the agent and is passed on."""
        agent = _Sleeps()

        async def work() -> tuple[bool, bool]:
            attempt = asyncio.ensure_future(self.make_executor().run(_envelope(), _host(agent)))
            while not agent.running:
                await asyncio.sleep(0.01)
            attempt.cancel()
            await asyncio.wait({attempt}, timeout=5.0)
            await asyncio.sleep(0.1)
            return attempt.cancelled(), agent.cancelled

        ended, reached = self.go(work())
        self.promise(ended, "a cancelled attempt did not end as cancelled", "cancelling run is passed on")
        self.promise(reached, "the agent did not see that it was cancelled", "cancelling run cancels the agent")

    def test_a_blocking_agent_does_not_block_the_others(self) -> None:
        """While an agent blocks its thread the event loop goes on, and other attempts run at the same time."""
        barrier = threading.Barrier(3, timeout=3.0)

        async def work() -> int:
            executor = self.make_executor()
            attempts = [asyncio.ensure_future(executor.run(_envelope(), _host(_Meets(barrier)))) for _ in range(2)]
            turns = 0
            while barrier.n_waiting < 2 and turns < 200:
                turns += 1
                await asyncio.sleep(0.01)
            there = barrier.n_waiting
            barrier.abort() if there < 2 else await asyncio.to_thread(barrier.wait)
            await asyncio.wait(attempts, timeout=5.0)
            return there

        there = self.go(work())
        self.promise(
            there == 2,
            f"of two agents that block {there} ran at a time beside the loop",
            "attempts run side by side and the loop goes on",
        )

    def test_agents_that_await_run_side_by_side(self) -> None:
        """Two attempts that wait for each other both come to their end."""

        async def work() -> list[Any]:
            here, there = asyncio.Event(), asyncio.Event()
            executor = self.make_executor()
            pair = (_Answers(here, there), _Answers(there, here))
            return await asyncio.gather(*(executor.run(_envelope(), _host(agent)) for agent in pair))

        self.promise(
            self.go(work()) == [_DONE, _DONE], "two attempts did not run at the same time", "attempts run side by side"
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _run(self, agent: BaseAgent | SyncAgent, timeout_s: float = 20.0) -> Any:
        return self.go(self.make_executor().run(_envelope(timeout_s), _host(agent)))


def _envelope(timeout_s: float = 20.0) -> Envelope:
    return Envelope(run="run", task="task", attempt=1, agent_type="sampler", timeout_s=timeout_s)


def _host(agent: BaseAgent | SyncAgent) -> AttemptHost:
    task = Task(id="task", title="Task")
    return AttemptHost(task=task, agent=agent, context=context_for(task, sample_specification()))


class _Awaits(BaseAgent):
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[Task, AgentContext]] = []
        self.error = error

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self.calls.append((task, context))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return _DONE


class _Blocks(SyncAgent):
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[Task, AgentContext]] = []
        self.error = error

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self.calls.append((task, context))
        if self.error is not None:
            raise self.error
        return _DONE


class _Sleeps(BaseAgent):
    running = cancelled = False

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self.running = True
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return _DONE


class _Meets(SyncAgent):
    def __init__(self, barrier: threading.Barrier) -> None:
        self.barrier = barrier

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self.barrier.wait()
        return _DONE


class _Answers(BaseAgent):
    def __init__(self, mine: asyncio.Event, other: asyncio.Event) -> None:
        self.mine, self.other = mine, other

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self.mine.set()
        await asyncio.wait_for(self.other.wait(), 3.0)
        return _DONE
