"""A dispatcher from a list of components: nothing is discovered, nothing is configured, nothing is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..agents.base_agent import AgentContext, AgentResult, BaseAgent, SyncAgent
from ..coordination.memory_store import MemoryStore
from ..coordination.message_bus import MessageBus
from ..dispatcher import AgentDispatcher
from ..extension.components import AgentType, Component, Declined, Decomposition, PlanningContext
from ..extension.hookspecs import OFFERS, PROJECT, hookimpl
from ..models import Specification, Task
from .memory_workspace import MemoryWorkspace

__all__ = ["ScriptedAgent", "dispatcher"]

#: What may be given for an agent: its type, a class or a factory without arguments, or a function that does the task.
AgentLike = AgentType | type[BaseAgent] | type[SyncAgent] | Callable[[Task, AgentContext], Any]


class ScriptedAgent(SyncAgent):
    """Does what a function says.

    Args:
        script: ``script(task, context)``; returns an :class:`AgentResult`, or a mapping of path to text that is written, or ``None`` for *done*.
    """

    def __init__(self, script: Callable[[Task, AgentContext], Any]) -> None:
        self._script = script

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Call the function."""
        answer = self._script(task, context)
        if isinstance(answer, AgentResult):
            return answer
        for path, text in (answer or {}).items():
            context.workspace.write_text(path, text)
        return AgentResult(status="done", summary=f"wrote {', '.join(answer)}" if answer else "did it")


def dispatcher(
    agents: Iterable[AgentLike] = (),
    *,
    config: Mapping[str, Any] | None = None,
    plugins: Iterable[tuple[str, Any]] = (),
    **components: Sequence[Any],
) -> AgentDispatcher:
    """An :class:`AgentDispatcher` that knows only what it is given.

    What is needed and not given is simple and in memory: the store, the workspace (``finish`` writes the files that landed into the output), the executor, the bus, and a
    decomposer that takes listed tasks. Give ``plugins=`` to test with real ones, for example those of an installed package.

    Args:
        agents: agent types, agent classes, or functions of task and context (see :class:`ScriptedAgent`).
        config: as for :class:`AgentDispatcher`.
        plugins: ``(name, plugin)`` pairs; where they offer a kind, the simple one of that kind is left out.
        components: objects or :class:`Component` values by the plural of their kind: ``rules``, ``decomposers``, ``formats``, ``checks``, ``reporters``, ``validators``,
            ``languages``, ``stores``, ``executors``, ``workspaces``, ``sandboxes``, ``message_buses``, ``llm_backends``.
    """
    hooks: dict[str, list[Component | AgentType]] = {}
    hooks["dispatcher_agent_types"] = [_agent_type(each, number) for number, each in enumerate(agents, 1)]
    for plural, given in components.items():
        hook = _hook(plural)
        hooks[hook] = [
            _component(each, f"{plural.replace('_', '-')}-{number}", number) for number, each in enumerate(given, 1)
        ]
    pairs = list(plugins)
    offered = {
        hook for _, plugin in pairs for hook in OFFERS if hasattr(getattr(plugin, hook, None), f"{PROJECT}_impl")
    }
    for hook, simple in _simple().items():
        if not hooks.get(hook) and hook not in offered:
            hooks[hook] = [simple]
    pairs.append(("under-test", _plugin(hooks)))
    return AgentDispatcher(config or {}, plugins=pairs, discover=False)


_SHORT = {"rules": "dependency_rules", "formats": "specification_formats"}


def _hook(plural: str) -> str:
    hook = f"dispatcher_{_SHORT.get(plural, plural)}"
    if hook not in OFFERS or hook == "dispatcher_agent_types":
        known = sorted(name.removeprefix("dispatcher_") for name in OFFERS if name != "dispatcher_agent_types")
        raise TypeError(
            f"there is no kind of components called {plural!r}: known are agents, rules, formats, {', '.join(known)}"
        )
    return hook


def _agent_type(given: AgentLike, number: int) -> AgentType:
    if isinstance(given, AgentType):
        return given
    if isinstance(given, type):
        make: Callable[[], Any] = given
    else:
        script = given
        make = lambda: ScriptedAgent(script)  # noqa: E731
    return AgentType(
        name=f"agent-{number}",
        summary="Under test.",
        factory=lambda options, services: make(),
        task_types=frozenset({"*"}),
        default_rank=number,
    )


def _component(given: Any, name: str, rank: int) -> Component:
    if isinstance(given, Component):
        return given
    return Component(
        name, "Under test.", lambda options, services: given() if isinstance(given, type) else given, default_rank=rank
    )


def _plugin(hooks: Mapping[str, Sequence[Component | AgentType]]) -> object:
    """An object that offers them."""

    def offering(offers: Sequence[Component | AgentType]) -> Callable[[Any], Iterator[Component | AgentType]]:
        def offer(self: Any) -> Iterator[Component | AgentType]:
            yield from offers

        return offer

    methods = {name: hookimpl(offering(tuple(offers))) for name, offers in hooks.items() if offers}
    return type("UnderTest", (), methods)()


def _simple() -> dict[str, Component]:
    store = MemoryStore()
    numbers = itertools.count(1)
    return {
        "dispatcher_decomposers": Component(
            "given-tasks", "Takes listed tasks.", lambda o, s: _GivenTasks(), default_rank=1
        ),
        "dispatcher_stores": Component("memory", "Forgets.", lambda o, s: store, default_rank=next(numbers)),
        "dispatcher_executors": Component("inline", "Runs agents at once.", lambda o, s: _Inline(), default_rank=1),
        "dispatcher_workspaces": Component(
            "memory", "Keeps trees in memory.", lambda o, s: MemoryWorkspace(), default_rank=1
        ),
        "dispatcher_message_buses": Component("memory", "Carries messages.", lambda o, s: MessageBus(), default_rank=1),
    }


class _GivenTasks:
    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """What is listed."""
        if not specification.tasks:
            return Declined("the specification lists no tasks, and the test gave no decomposer")
        return Decomposition(tasks=specification.tasks)


class _Inline:
    async def run(self, envelope: Any, host: Any) -> AgentResult:
        """Perform the attempt in this process."""
        import asyncio

        async with asyncio.timeout(envelope.timeout_s):
            result: AgentResult = await host.agent.perform(host.task, host.context)
            return result
