"""Agents are made when needed, set up once, used again, and retired when they are broken or too many."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.config.values import AgentFactorySettings
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.errors import PluginError, RunError
from agent_dispatcher.models import Task

CALLS: Counter[str] = Counter()


class Counting(BaseAgent):
    def __init__(self, name: str) -> None:
        CALLS[f"made {name}"] += 1

    async def setup(self) -> None:
        CALLS["setup"] += 1

    async def teardown(self) -> None:
        CALLS["teardown"] += 1

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        return AgentResult(status="done")

    def on_start(self, task: Task) -> None:
        raise RuntimeError("a callback must not matter")

    def on_retire(self) -> None:
        CALLS["retired"] += 1


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()


def run(body: Callable[[AgentFactory], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def whole() -> None:
        factory = AgentFactory(Counting, AgentFactorySettings(**settings), pool_sizes={"small": 0})
        await body(factory)
        await factory.aclose()
        assert factory.total == 0

    asyncio.run(whole())
    assert CALLS["setup"] == CALLS["teardown"] == CALLS["retired"]


def test_idle_agents_are_used_again() -> None:
    """Two tasks one after the other share one instance, set up once."""

    async def body(factory: AgentFactory) -> None:
        first = factory.claim("w")
        agent = await factory.ready(first)
        factory.release(first)
        again = factory.claim("w")
        assert await factory.ready(again) is agent
        assert again.name == "w-1"
        factory.release(again)

    run(body)
    assert CALLS["setup"] == 1


def test_who_knows_the_group_goes_on_with_it() -> None:
    """Of idle instances the one that did the last task of the group is taken; nobody waits for it, and tasks without a group take any."""

    async def body(factory: AgentFactory) -> None:
        claims = [factory.claim("w", group) for group in ("api", "ui", "docs")]
        for claim in claims:
            await factory.ready(claim)
        for claim in claims:
            factory.release(claim)
        api, ui, docs = claims
        assert factory.claim("w", "ui") is ui
        assert factory.claim("w", "ui") is docs, "the warm one is at work: another steals the task"
        assert factory.claim("w") is api
        for claim in claims:
            factory.release(claim)
        assert factory.claim("w", "api") is api
        factory.release(api)

    run(body, default_pool_size=3)


def test_pool_grows_with_need_and_shrinks_again() -> None:
    """As many agents are kept as were needed at once, until that was long enough ago; a type's own size wins."""

    async def body(factory: AgentFactory) -> None:
        claims = [factory.claim("w") for _ in range(4)] + [factory.claim("small")]
        for claim in claims:
            await factory.ready(claim)
        for claim in claims:
            factory.release(claim)
        assert factory.total == 4
        factory.shrink()
        assert factory.total == 4
        factory.shrink()
        assert factory.total == 2

    run(body, default_pool_size=2)
    assert CALLS["setup"] == 5


def test_shrinking_leaves_agents_at_work_alone() -> None:
    """Only idle agents are retired, and those at work count among the ones to keep."""

    async def body(factory: AgentFactory) -> None:
        claims = [factory.claim("w") for _ in range(4)]
        for claim in claims:
            await factory.ready(claim)
        factory.release(claims[0])
        factory.release(claims[1])
        factory.shrink()
        factory.shrink()
        assert factory.total == 2
        factory.release(claims[2])
        factory.release(claims[3])
        assert factory.total == 2

    run(body, default_pool_size=2)


def test_without_pooling_nothing_is_kept() -> None:
    """enable_pooling = false gives every attempt an instance of its own."""

    async def body(factory: AgentFactory) -> None:
        for _ in range(3):
            claim = factory.claim("w")
            await factory.ready(claim)
            factory.release(claim)
            assert factory.total == 0

    run(body, enable_pooling=False)
    assert CALLS["made w"] == 3


def test_limit_evicts_idle_ones_and_refuses_beyond() -> None:
    """An idle agent of another type makes room; when all are in use the claim is refused with the remedy."""

    async def body(factory: AgentFactory) -> None:
        idle = factory.claim("x")
        await factory.ready(idle)
        factory.release(idle)
        used = [factory.claim("w"), factory.claim("w")]
        assert factory.total == 2
        with pytest.raises(RunError, match="raise max_total_agents"):
            factory.claim("w")
        for claim in used:
            factory.release(claim)

    run(body, max_total_agents=2)


def test_broken_agent_is_never_used_again() -> None:
    """An instance given back as broken is retired."""

    async def body(factory: AgentFactory) -> None:
        claim = factory.claim("w")
        await factory.ready(claim)
        factory.release(claim, broken=True)
        assert factory.total == 0
        assert factory.claim("w").name == "w-2"
        factory._total = 0

    run(body)


def test_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What a callback raises is logged with the agent's name and goes no further."""

    async def body(factory: AgentFactory) -> None:
        claim = factory.claim("w")
        await factory.ready(claim)
        claim.tell("on_start", Task(id="t", title="t"))
        factory.release(claim)

    run(body)
    assert "on_start of agent w-1 raised" in caplog.text


def test_setup_that_fails_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What setup raises passes through, and the instance is retired without a teardown it is not ready for."""

    class Broken(Counting):
        async def setup(self) -> None:
            raise OSError("no socket")

    async def whole() -> None:
        factory = AgentFactory(Broken)
        claim = factory.claim("w")
        with pytest.raises(OSError, match="no socket"):
            await factory.ready(claim)
        factory.release(claim)
        assert factory.total == 0
        await factory.aclose()

    asyncio.run(whole())
    assert CALLS["teardown"] == 0


def test_factory_that_makes_something_else() -> None:
    """A component that makes no agent is named."""
    factory = AgentFactory(lambda name: object())  # type: ignore[arg-type, return-value]
    with pytest.raises(PluginError, match="agent type 'w' made a object"):
        asyncio.run(factory.ready(factory.claim("w")))


def test_teardown_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A teardown gets its grace and is then given up, with a warning."""

    class Slow(Counting):
        async def teardown(self) -> None:
            await asyncio.sleep(60)

    async def whole() -> None:
        factory = AgentFactory(Slow)
        claim = factory.claim("w")
        await factory.ready(claim)
        factory.release(claim)
        await factory.aclose(grace_s=0.05)

    asyncio.run(whole())
    assert "teardown took more than 0.05 seconds" in caplog.text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (False, "it says that it is not healthy"),
        (OSError("gone"), "its health check raised OSError: gone"),
        (None, "it did not say within 0.05 s whether it is healthy"),
    ],
)
def test_unhealthy_agent_is_retired(answer: object, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that worked before and cannot any more is torn down and named, and a new one does the task; a healthy one goes on."""
    monkeypatch.setattr("agent_dispatcher.coordination.agent_factory._HEALTH_S", 0.05)

    class Ailing(Counting):
        answers: ClassVar[list[object]] = [True, answer, True]

        async def healthy(self) -> bool:
            said = self.answers.pop(0)
            if isinstance(said, Exception):
                raise said
            if said is None:
                await asyncio.sleep(60)
            return bool(said)

    async def whole() -> tuple[list[str], list[str]]:
        told: list[str] = []
        names = []
        factory = AgentFactory(Ailing, notice=told.append)
        for _ in range(4):
            claim = factory.claim("w")
            await factory.ready(claim)
            names.append(claim.name)
            assert factory.total == 1
            factory.release(claim)
        await factory.aclose()
        assert factory.total == 0
        return names, told

    assert asyncio.run(whole()) == (["w-1", "w-1", "w-2", "w-2"], [f"agent w-1 is retired: {why}; w-2 does its work"])
    assert CALLS["setup"] == CALLS["teardown"] == CALLS["retired"] == 2


@pytest.mark.parametrize("ends", [True, False])
def test_blocking_agent_whose_attempt_was_broken_off(ends: bool) -> None:
    """What its thread waits for is killed at once; it is named only if it is there after the grace all the same."""
    release, begun = threading.Event(), threading.Event()
    codes: list[int] = []
    grace_s = 1.0 if ends else 0.2

    class Blocking(SyncAgent):
        def execute(self, task: Task, context: AgentContext | None) -> AgentResult:
            child = subprocess.Popen(["sleep", "30"])
            begun.set()
            codes.append(child.wait())
            if not ends:
                release.wait(20)
            return AgentResult(status="done")

    async def whole() -> list[str]:
        told: list[str] = []
        factory = AgentFactory(lambda name: Blocking(), notice=told.append)
        claim = factory.claim("w")
        agent = await factory.ready(claim)
        thread = threading.Thread(target=agent.execute, args=(Task(id="t", title="t"), None))
        thread.start()
        assert begun.wait(10)
        factory.follow_up(claim, "t", grace_s)
        factory.release(claim, broken=True)
        await asyncio.sleep(grace_s + 0.2)
        release.set()
        thread.join()
        await factory.aclose()
        return told

    told = asyncio.run(whole())
    assert codes == [-9]
    assert len(told) == (0 if ends else 1)
    assert ends or told[0].startswith("agent w-1 did not end when it was told to: task t goes on without it, 1 of its")
