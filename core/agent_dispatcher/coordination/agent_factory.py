"""Agents from first use to retirement: made when needed, set up once, used again, torn down once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from ..agents.base_agent import BaseAgent, SyncAgent
from ..config.values import AgentFactorySettings
from ..errors import PluginError, RunError
from ..workspace.watched_sandbox import commands_under_way
from .frames import threads_of
from .leaks import LeakWatch
from .leftovers import end_processes, processes_of

__all__ = ["AgentFactory", "Claim"]

log = logging.getLogger(__name__)

Agent = BaseAgent | SyncAgent


@define(eq=False)
class Claim:
    """The right to use one agent for one attempt.

    Attributes:
        agent_type: name of the agent type.
        name: of the instance, unique in the run (``code-writer-2``).
        agent: the instance, ``None`` until :meth:`AgentFactory.ready` made it.
        pool: where it goes back to.
        overridden: names of the callbacks it overrides, and ``healthy``.
        group: of the last task with one.
        is_at_hand: the instance can be used as it is, without :meth:`AgentFactory.ready`.
    """

    agent_type: str
    name: str
    pool: _Pool
    agent: Agent | None = None
    overridden: frozenset[str] = frozenset()
    group: str = ""
    is_set_up: bool = field(default=False)
    is_at_hand: bool = field(default=False)
    is_given_up: bool = field(default=False)

    def tell(self, callback: str, *arguments: Any) -> None:
        """Call a callback of the agent (``on_start``, ...); what it raises is logged and harms nobody."""
        if callback not in self.overridden:
            return
        try:
            getattr(self.agent, callback)(*arguments)
        except Exception:
            log.warning("%s of agent %s raised; the attempt goes on", callback, self.name, exc_info=True)


@define(eq=False)
class _Pool:
    """Instances of one agent type.

    Attributes:
        least: idle ones that are kept in any case; 0: none at all.
        grows: as many are kept as were at work at the same time.
        idle: the last one used comes last.
        busy: how many are at work; ``most_busy``: at the same time, since :meth:`AgentFactory.shrink` was last called.
    """

    least: int
    grows: bool
    idle: list[Claim] = field(factory=list)
    busy: int = 0
    most_busy: int = 0

    def begin(self) -> None:
        """One more is at work."""
        self.busy += 1
        if self.busy > self.most_busy:
            self.most_busy = self.busy

    @property
    def size(self) -> int:
        """How many idle ones are kept."""
        return max(self.least, self.most_busy) if self.grows and self.least else self.least


@define(eq=False)
class _FollowUp:
    """An agent that blocked when its attempt was broken off."""

    claim: Claim
    task: str
    ended: int
    agent: SyncAgent


_CALLBACKS = ("on_start", "on_progress", "on_result", "on_error", "on_retire")

#: Seconds an agent may take to say whether it is healthy.
_HEALTH_S = 5.0


class AgentFactory:
    """Makes agents and keeps idle ones for the next task of their type.

    A pool grows to as many agents of a type as were at work at the same time since :meth:`shrink` was last called: under load no agent is made
    twice, and what a rush needed is given back when it is over. A type that says itself how many it keeps gets just those.

    Args:
        create: name of an agent type to a fresh instance; called once per instance, may raise.
        settings: ``default_pool_size`` (idle instances kept per type in any case; 0: none, also under load), ``max_total_agents`` (instances there may be at any time, idle
            ones included), ``enable_pooling`` (``False``: every attempt gets an instance of its own).
        pool_sizes: idle instances kept of one type, where the type says so itself.
        notice: told in a sentence about an agent that was not healthy, was given up or leaves something behind; the log is told in any case.
    """

    def __init__(
        self,
        create: Callable[[str], Agent],
        settings: AgentFactorySettings | None = None,
        *,
        pool_sizes: Mapping[str, int] | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        settings = settings or AgentFactorySettings()
        self._create = create
        self._default_pool_size = settings.default_pool_size
        self._pool_sizes = dict(pool_sizes or {})
        self._max_total = settings.max_total_agents
        self._pooling = settings.enable_pooling
        self._pools: dict[str, _Pool] = {}
        self._at_work = 0
        self._total = 0
        self._made: dict[str, int] = {}
        self._teardowns: set[asyncio.Task[None]] = set()
        self._names: dict[int, str] = {}
        self._followed: set[_FollowUp] = set()
        self._tell = notice
        self._leaks = LeakWatch(self._notice, commands=commands_under_way)

    @property
    def total(self) -> int:
        """Instances in use or idle."""
        return self._total

    def name_of(self, agent: Agent) -> str:
        """Name of an instance; its class where it is none of these, or retired."""
        return self._names.get(id(agent)) or f"of class {type(agent).__name__}"

    def _notice(self, text: str) -> None:
        log.warning("%s", text)
        if self._tell is not None:
            self._tell(text)

    # --- use ------------------------------------------------------------------------------------------------------

    def claim(self, agent_type: str, group: str = "") -> Claim:
        """An idle instance of that type, or the right to a new one. When there are too many, an idle one of another type makes room.

        Args:
            group: of the task. Who did the last task of that group is taken if it is idle: it has the context at hand, and what a model's
                server remembers of it. Nobody waits for it.

        Raises:
            RunError: ``max_total_agents`` instances are in use.
        """
        pool = self._pools.get(agent_type) or self._new_pool(agent_type)
        if pool.idle:
            self._at_work += 1
            pool.begin()
            return _warmest(pool.idle, group) if group else pool.idle.pop()
        if self._total >= self._max_total and not self._evict():
            raise RunError(
                f"all {self._max_total} agents are in use: raise max_total_agents or lower the number of concurrent tasks"
            )
        self._leaks.begin()
        self._at_work += 1
        pool.begin()
        self._total += 1
        return Claim(agent_type, self._new_name(agent_type), pool, group=group)

    def _new_name(self, agent_type: str) -> str:
        number = self._made[agent_type] = self._made.get(agent_type, 0) + 1
        return f"{agent_type}-{number}"

    def _new_pool(self, agent_type: str) -> _Pool:
        own = self._pool_sizes.get(agent_type)
        pool = self._pools[agent_type] = _Pool(self._default_pool_size if own is None else own, own is None)
        return pool

    def shrink(self) -> None:
        """Retire idle agents beyond what was needed at once since the last call. Call it now and then."""
        for pool in self._pools.values():
            keep = max(pool.size - pool.busy, 0)
            while len(pool.idle) > keep:
                self._retire(pool.idle.pop(0))
            pool.most_busy = pool.busy

    def _evict(self) -> bool:
        for pool in self._pools.values():
            if pool.idle:
                self._retire(pool.idle.pop(0))
                return True
        return False

    async def ready(self, claim: Claim) -> Agent:
        """The claimed instance, made, set up and, when it was used before, healthy; what its factory or ``setup`` raises passes through."""
        if claim.is_set_up and "healthy" in claim.overridden and claim.agent is not None:
            ill = await _illness(claim.agent)
            if ill:
                self._replace(claim, ill)
        if claim.agent is None:
            agent = self._create(claim.agent_type)
            if not isinstance(agent, (BaseAgent, SyncAgent)):
                raise PluginError(
                    f"agent type {claim.agent_type!r} made a {type(agent).__name__}; its factory must return a BaseAgent or SyncAgent"
                )
            claim.agent = agent
            self._names[id(agent)] = claim.name
            base = BaseAgent if isinstance(agent, BaseAgent) else SyncAgent
            claim.overridden = frozenset(
                name for name in (*_CALLBACKS, "healthy") if getattr(type(agent), name) is not getattr(base, name)
            )
        if not claim.is_set_up:
            await claim.agent.setup()
            claim.is_set_up, claim.is_at_hand = True, "healthy" not in claim.overridden
        return claim.agent

    def _replace(self, claim: Claim, ill: str) -> None:
        """Retire the instance and let the claim be for a new one."""
        retired = evolve(claim)
        claim.agent, claim.is_set_up, claim.overridden = None, False, frozenset()
        claim.name = self._new_name(claim.agent_type)
        self._notice(f"agent {retired.name} is retired: {ill}; {claim.name} does its work")
        self._total += 1
        self._retire(retired)

    def abandon(self, claim: Claim, task: str, folder: Path | None) -> None:
        """End the processes of an agent that does not end itself, and name it. :meth:`release` has still to be called, with ``broken``.

        Args:
            folder: where it is at work; ``None`` when it does not work there (any more).
        """
        claim.is_given_up = True
        ended = 0
        if claim.agent is not None and folder is not None:
            ended = end_processes(processes_of(threads_of(claim.agent), folder))
        self._name_abandoned(claim, task, ended)

    def follow_up(self, claim: Claim, task: str, grace_s: float) -> None:
        """The attempt of this agent was broken off. One that blocks has a thread, which may still be in it: end the thread's processes, so that
        it has nothing to wait for, and name the agent when it is there after the grace all the same."""
        agent = claim.agent
        if claim.is_given_up or not isinstance(agent, SyncAgent):
            return
        threads = threads_of(agent)
        if threads:
            claim.is_given_up = True
            ended = end_processes(processes_of(threads, None))
            due = _FollowUp(claim, task, ended, agent)
            self._followed.add(due)
            asyncio.get_running_loop().call_later(grace_s, self._look_again, due)

    def _look_again(self, due: _FollowUp) -> None:
        if due in self._followed:
            self._followed.remove(due)
            if threads_of(due.agent):
                self._name_abandoned(due.claim, due.task, due.ended)

    def _name_abandoned(self, claim: Claim, task: str, ended: int) -> None:
        self._notice(
            f"agent {claim.name} did not end when it was told to: task {task} goes on without it, {ended} of its processes were killed, "
            "and whatever it still returns counts for nothing"
        )

    def release(self, claim: Claim, *, broken: bool = False) -> None:
        """Give it back: to the pool, or into retirement when it is broken, surplus, or pooling is off."""
        pool = claim.pool
        pool.busy -= 1
        self._at_work -= 1
        self._leaks.ended(claim.agent_type, self._at_work)
        if broken or not self._pooling or not claim.is_set_up or len(pool.idle) >= pool.size:
            self._retire(claim)
        else:
            pool.idle.append(claim)

    def _retire(self, claim: Claim) -> None:
        self._total -= 1
        if claim.agent is None:
            return
        self._names.pop(id(claim.agent), None)
        claim.tell("on_retire")
        if claim.is_set_up:
            claim.is_set_up = claim.is_at_hand = False
            task = asyncio.ensure_future(self._teardown(claim.agent, claim.name))
            self._teardowns.add(task)
            task.add_done_callback(self._teardowns.discard)

    async def _teardown(self, agent: Agent, name: str) -> None:
        try:
            await agent.teardown()
        except Exception:
            log.warning("teardown of agent %s raised", name, exc_info=True)

    async def aclose(self, grace_s: float = 5.0) -> None:
        """Retire every idle instance and wait, at most ``grace_s``, for their teardowns. Agents that still block are named."""
        for due in tuple(self._followed):
            self._look_again(due)
        for pool in self._pools.values():
            while pool.idle:
                self._retire(pool.idle.pop())
        if self._teardowns:
            _, late = await asyncio.wait(self._teardowns, timeout=grace_s)
            for task in late:
                task.cancel()
                log.warning("an agent's teardown took more than %s seconds and was given up", grace_s)


def _warmest(idle: list[Claim], group: str) -> Claim:
    """Take the instance that did a task of the group last, else the one that was at work last."""
    place = next((place for place in reversed(range(len(idle))) if idle[place].group == group), -1)
    claim = idle.pop(place)
    claim.group = group
    return claim


async def _illness(agent: Agent) -> str:
    """Why it cannot be used again; ``""`` when it is healthy."""
    try:
        async with asyncio.timeout(_HEALTH_S):
            return "" if await agent.healthy() else "it says that it is not healthy"
    except TimeoutError:
        return f"it did not say within {_HEALTH_S:g} s whether it is healthy"
    except Exception as error:
        return f"its health check raised {type(error).__name__}: {error}"
