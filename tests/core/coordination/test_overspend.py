"""Eight agents at a time, a cap, a price table, a real server that counts what it bills: it never bills more than the cap, whoever is killed when."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from agent_dispatcher.agents import AgentContext, AgentResult
from agent_dispatcher.config import Config
from agent_dispatcher.config.values import BudgetSettings, PriceSettings
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.coordination.model_calls import ModelCalls
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import BackendError, StoreError
from agent_dispatcher.extension import Lease, LlmRequest, Services
from agent_dispatcher.llm import Budget, Prices, input_bound
from agent_dispatcher.llm.prices import nano_of, priced_as
from agent_dispatcher.models import Event, ExecutionPlan, Task
from agent_dispatcher.testing import ModelServer
from agent_dispatcher.testing.killing import Child
from agent_dispatcher.testing.model_replies import Cuts, Drops, Fails, Says, ServerReply
from agent_dispatcher.testing.model_server import Received
from agent_dispatcher_builtins.llm_backends.openai.backend import OpenAIBackend
from agent_dispatcher_builtins.llm_backends.options import OpenAIOptions
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore

AGENTS = 8
TASKS = " ".join(f"t{number}" for number in range(10))
PRICE = PriceSettings(input=2.0, output=8.0, cached_input=0.5)


@define
class Bill:
    """What the server wants paid, by what it read and wrote; it knows nothing of the dispatcher's books.

    Attributes:
        tokens_of: tokens by task, which is the first word of a question.
        lost: calls that were billed and never answered.
    """

    chance: random.Random
    nano_usd: int = 0
    tokens: int = 0
    tokens_of: Counter[str] = field(factory=Counter)
    lost: int = 0
    calls: int = 0
    _lock: Any = field(factory=threading.Lock)

    def __call__(self, received: Received) -> ServerReply:
        with self._lock:
            chance, self.calls = self.chance, self.calls + 1
            fate = chance.random()
            read = chance.randint(1, sum(len(each["content"].encode()) for each in received.body["messages"]))
            written = chance.randint(1, received.body["max_tokens"])
            delay_s = chance.random() * 0.004
            if fate < 0.06:
                return Fails(status=429)
            if fate < 0.1:
                return Fails(status=503)
            self.nano_usd += read * 2000 + written * 8000
            self.tokens += read + written
            self.tokens_of[received.text.split()[0]] += read + written
            self.lost += fate < 0.2
            if fate < 0.12:  # billed, and nothing comes of it
                return Fails(status=500)
            if fate < 0.15:  # a gateway did not wait for it
                return Fails(status=chance.choice((502, 504, 524)))
            if fate < 0.17:
                return Drops(reset=chance.random() < 0.5)
            if fate < 0.2:
                return Cuts(reset=chance.random() < 0.5)
            return Says(text="yes", usage=(read, written), delay_s=delay_s)


class MortalStore(MemoryStore):
    """A store of a process that dies: after so many transactions nothing is recorded any more."""

    lives = 10**9

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        if self.lives <= 0:
            raise StoreError("the process is dead")
        self.lives -= 1
        return super().append(lease, events)

    def next_life(self, transactions: int) -> None:
        """Whoever owned the run is dead; the next lives so long."""
        self._owners.clear()
        self.lives = transactions


def asking(model: str) -> Callable[[Task, AgentContext], Awaitable[AgentResult]]:
    """Agents of one seed. Each has a model of its own, so that what a killed life sent is not billed to the next seed when it arrives late."""
    return functools.partial(asks, model)


async def asks(model: str, task: Task, context: AgentContext) -> AgentResult:
    """Asks once or twice, different each time, and gives up where the model fails for good."""
    chance = random.Random(f"{task.id} {context.attempt}")
    assert context.llm is not None
    for _ in range(chance.randint(1, 2)):
        request = LlmRequest.of(
            f"{task.id} " + "why? " * chance.randint(1, 40), max_output_tokens=chance.randint(10, 300), model=model
        )
        with contextlib.suppress(BackendError):
            await context.llm.complete(request)
    return AgentResult(status="done", summary="asked")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """One server for all seeds; ``bills`` has what answers for each model."""
    bills: dict[str, Bill] = {}
    with ModelServer(lambda received: bills[received.body["model"]](received)) as server:
        server.bills = bills  # type: ignore[attr-defined]
        yield server


def backend_for(server: ModelServer, model: str) -> OpenAIBackend:
    services = Services(log=logging.getLogger("test-overspend"), data_dir=Path(), config=Config())
    return OpenAIBackend.open(OpenAIOptions(model=model, base_url=server.base_url), services)


def budget_of(seed: int, chance: random.Random) -> tuple[BudgetSettings, Mapping[str, int | None]]:
    """A cap that some of the calls fit into: in dollars, in tokens, or in both; and now and then one for each task, or for the agents of
    the type (not where the run is to go on to its end with more money: a task may have failed for good by then)."""
    usd = round(chance.uniform(0.004, 0.05), 6) if seed % 3 != 1 else None
    tokens = chance.randint(1_500, 12_000) if seed % 3 != 0 else None
    of_task = chance.randint(400, 2_500) if seed % 4 == 1 and seed % 5 else None
    of_agent = round(chance.uniform(0.004, 0.05), 6) if seed % 5 == 2 else None
    settings = BudgetSettings(
        max_cost_usd=usd, max_tokens=tokens, max_tokens_per_task=of_task, max_cost_usd_per_agent=of_agent
    )
    dollars = [nano_of(each) for each in (usd, of_agent) if each is not None]  # all agents are of one type
    return settings, {"nano_usd": min(dollars, default=None), "tokens": tokens, "of_task": of_task}


def overspent(bill: Bill, caps: Mapping[str, int | None]) -> int:
    """By how much a cap was passed, 0 for none."""
    billed = {"nano_usd": bill.nano_usd, "tokens": bill.tokens, "of_task": max(bill.tokens_of.values(), default=0)}
    return sum(max(0, billed[name] - cap) for name, cap in caps.items() if cap is not None)


@pytest.fixture
def collected_between_lives() -> Iterator[Callable[[], object]]:
    """Collects what lives left behind. Else a thread of the server may come to close a stream that the loop's own thread is just closing."""
    gc.disable()
    yield lambda: gc.collect(0)
    gc.enable()


@pytest.mark.slow
def test_200_seeds_overspend_nothing(
    world: Any, plan_of: Any, server: Any, collected_between_lives: Callable[[], object]
) -> None:
    """Each seed: lives that end anywhere, resumed with the same cap until the budget stops the run; the bill never passes the cap, and with more
    money the run (every fifth of them) goes on to its end."""
    plan: ExecutionPlan = plan_of(TASKS)
    backend = backend_for(server, "named by each request")
    statuses: dict[str, int] = {}
    calls = kills = lost = 0
    for seed in range(200):
        chance = random.Random(seed)
        model = f"of seed {seed}"
        bill = server.bills[model] = Bill(random.Random(seed + 1000))
        prices = Prices({model: PRICE})
        settings, caps = budget_of(seed, chance)
        here = type(world)(store=MortalStore(), script=asking(model), concurrency=AGENTS, grace_s=0.05)
        here.models = functools.partial(fresh_calls, backend, settings, prices)
        for life in range(6):
            here.store.next_life(chance.randint(2, 14) if life < 2 else 10**9)
            try:
                status = asyncio.run(here.run(plan))
            except StoreError:
                status = "killed"
                kills += 1
            collected_between_lives()
            assert overspent(bill, caps) == 0, f"seed {seed}, life {life}: {bill}"
            if status != "killed":
                break
        spent = fold(here.events()).spending.total
        assert spent.tokens >= bill.tokens and spent.nano_usd >= bill.nano_usd, (
            f"seed {seed}: the books say less than the bill"
        )
        statuses[status] = statuses.get(status, 0) + 1
        calls, lost = calls + bill.calls, lost + bill.lost
        if status == "paused":
            assert here.events()[-1].data["cause"] == "budget"
        if status == "paused" and seed % 5 == 0:
            here.store.next_life(10**9)
            here.models = functools.partial(fresh_calls, backend, BudgetSettings(), prices)
            assert asyncio.run(here.run(plan)) == "completed"
    many, some = (statuses["paused"], statuses["completed"], kills, calls, lost), statuses["failed"]
    assert min(many) > 20 and some > 5, (statuses, kills, calls, lost)


def fresh_calls(backend: OpenAIBackend, settings: BudgetSettings, prices: Prices) -> ModelCalls:
    """The model's side of one life."""
    return ModelCalls(backend, "openai", Budget.of(settings), prices)


def life(
    folder: Path, server: ModelServer, world: Any, plan: ExecutionPlan, settings: BudgetSettings, model: str
) -> str:
    """A process of a run whose store is a file."""
    store = SqlStore(folder, SqlOptions())
    try:
        here = type(world)(store=store, script=asking(model), concurrency=AGENTS, grace_s=0.05)
        here.models = functools.partial(fresh_calls, backend_for(server, model), settings, Prices({model: PRICE}))
        status: str = asyncio.run(here.run(plan))
        return status
    finally:
        store.close()


def told(work: Callable[..., str], *with_what: Any) -> None:
    """What came of it is the last of these."""
    *values, tell = with_what
    tell(work(*values))


def test_killed_and_resumed_it_overspends_nothing(world: Any, plan_of: Any, server: Any, tmp_path: Path) -> None:
    """The same with real processes, killed for good (SIGKILL) at some moment among their calls, and a store on disk."""
    plan = plan_of(TASKS)
    server.bills["warm"] = Bill(random.Random(0))
    asyncio.run(backend_for(server, "warm").complete(LlmRequest.of("warm")))  # the SDK is imported before the forks
    killed = 0
    for seed in range(8):
        chance = random.Random(seed)
        settings, caps = budget_of(seed, chance)
        model = f"of killed seed {seed}"
        bill = server.bills[model] = Bill(random.Random(seed))
        process = functools.partial(told, life, tmp_path / str(seed), server, world, plan, settings, model)
        for _ in range(3):
            before = bill.calls
            with Child(process) as child:
                enough, end = before + chance.randint(1, 8), time.monotonic() + 5
                while bill.calls < enough and time.monotonic() < end and not child.wait_for(1, within_s=0.002):
                    pass
                ended = bool(child.lines)
                child.kill()
            killed += not ended
            assert overspent(bill, caps) == 0
        with Child(process) as child:
            (status,) = child.finish()
        assert (status in ("paused", "completed", "failed"), overspent(bill, caps)) == (True, 0)
    assert killed >= 8


def test_the_worst_case_is_what_the_server_may_bill(server: Any) -> None:
    """The reservation of a call is priced with every byte read and every token written."""
    backend, request = backend_for(server, "m"), LlmRequest.of("why", max_output_tokens=100)
    price = Prices({"m": PRICE}).find(priced_as(backend, request))
    assert price is not None
    assert price.worst_nano_usd(input_bound(request), 100) == input_bound(request) * 2000 + 100 * 8000
