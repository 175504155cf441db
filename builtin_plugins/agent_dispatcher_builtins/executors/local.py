"""Runs agents in the dispatcher's own process: those that await on its event loop, those that block in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from agent_dispatcher.agents import AgentResult, SyncAgent
from agent_dispatcher.coordination.attempt import AttemptHost, Envelope

from .time_limits import TimeLimits

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """See :class:`agent_dispatcher.extension.components.Executor`.

    An agent that blocks gets a daemon thread for each attempt: as many run at once as the coordinator starts, and one that never returns
    keeps neither the run nor the interpreter from ending.
    """

    def __init__(self) -> None:
        self._limits = TimeLimits()

    async def run(self, envelope: Envelope, host: AttemptHost) -> AgentResult:
        """One attempt from start to outcome; :class:`TimeoutError` after ``envelope.timeout_s`` seconds, in which waiting for a language model to
        let it in does not count."""
        agent = host.agent
        if isinstance(agent, SyncAgent):
            body = partial(agent.execute, host.task, host.context)
            work = _in_thread(body, f"{envelope.agent_type}:{envelope.task}")
        else:
            work = agent.perform(host.task, host.context)
        return await self._limits.hold(work, envelope.timeout_s, host.waited_s)


async def _in_thread(work: Callable[[], AgentResult], name: str) -> AgentResult:
    """The result of ``work`` in a new daemon thread; cancelling stops the waiting, not the thread."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[AgentResult] = loop.create_future()

    def settle(result: AgentResult | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        elif result is not None:
            outcome.set_result(result)
        else:
            outcome.set_exception(TypeError("execute() returned None; it must return an AgentResult"))

    def body() -> None:
        result: AgentResult | None = None
        error: BaseException | None = None
        try:
            result = work()
        except StopIteration as raised:  # a future cannot carry it
            error = RuntimeError(f"the agent raised StopIteration: {raised}")
        except BaseException as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=body, name=name, daemon=True).start()
    return await outcome
