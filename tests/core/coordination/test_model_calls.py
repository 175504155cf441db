"""Agents ask a model through the coordinator: every call is on record before it is made, priced, and within the budget."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent_dispatcher.agents import AgentContext, AgentResult, SyncAgent
from agent_dispatcher.config.values import BudgetSettings, PriceSettings
from agent_dispatcher.coordination.model_calls import ModelCalls, planning_data
from agent_dispatcher.coordination.run_state import fold
from agent_dispatcher.errors import BackendError, BudgetExceeded
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Usage
from agent_dispatcher.extension.llm import ToolCall
from agent_dispatcher.llm import Budget, Prices, input_bound
from agent_dispatcher.models import ModelUse, Task
from agent_dispatcher.provenance import accounts
from agent_dispatcher.testing import ScriptedBackend

DONE = AgentResult(status="done", summary="did it")
WORST = input_bound(LlmRequest.of("why")) + 100
#: One dollar for a million tokens, read or written: a token is 1,000 nano-dollars.
A_DOLLAR = PriceSettings(input=1.0, output=1.0)


class Backend(ScriptedBackend):
    """Says what a test says, for a model that has a name."""

    def priced_as(self, request: LlmRequest) -> PricedAs:
        return PricedAs(model=request.model or "m", server="https://models.example")


def reply(read: int = 10, written: int = 5) -> LlmReply:
    return LlmReply(text="yes", usage=Usage(input_tokens=read, output_tokens=written), model="m-1")


def models(backend: Any, prices: dict[str, PriceSettings] | None = None, **budget: Any) -> Callable[[], ModelCalls]:
    return lambda: ModelCalls(backend, "b", Budget.of(BudgetSettings(**budget)), Prices(prices or {}))


def spent_by_planning(world: Any, tokens: int = 1) -> None:
    """The run begins with so much gone."""
    lease = world.store.acquire("r", "planner")
    world.store.append(lease, [_started({"tokens": tokens, "nano_usd": 0, "unpriced": 1})])
    world.store.release(lease)


async def asks_once(task: Task, context: AgentContext) -> AgentResult:
    assert context.llm is not None
    await context.llm.complete(LlmRequest.of("why", purpose="write", max_output_tokens=100))
    return DONE


def test_every_call_is_on_record_with_its_price(world: Any, plan_of: Any) -> None:
    """Who asked, for what, what it may take, and what it took, in tokens and money."""
    world.models, world.script = models(Backend([reply()]), {"m": A_DOLLAR}), asks_once
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    reserved, settled = (one for one in world.events() if one.type.startswith("model."))
    assert (reserved.type, reserved.task, reserved.attempt) == ("model.reserved", "a", 1)
    assert reserved.data == {
        "call": reserved.data["call"],
        "agent_type": "worker",
        "agent": reserved.data["agent"],
        "backend": "b",
        "purpose": "write",
        "tokens": WORST,
        "nano_usd": WORST * 1000,
    }
    took_s = settled.data.pop("took_s")
    assert 0 <= took_s < 30
    assert settled.data == {
        "call": reserved.data["call"],
        "model": "m-1",
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_input_tokens": 0,
        "estimated": False,
        "tokens": 15,
        "nano_usd": 15_000,
        "error": "",
    }
    spending = fold(world.events()).spending
    assert (spending.total.tokens, spending.by_task["a"].nano_usd, spending.open) == (15, 15_000, {})


def test_the_tools_a_model_wants_are_on_record(world: Any, plan_of: Any) -> None:
    """By name, so far: of very many, and of very long names, the beginning."""
    calls = [ToolCall(id=str(n), name=f"tool-{n}" + "x" * 200, arguments="{}") for n in range(60)]
    world.models = models(Backend([LlmReply(text="", tool_calls=calls, stop_reason="tool_calls")]))
    world.script = asks_once
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    (settled,) = (one for one in world.events() if one.type == "model.settled")
    assert len(settled.data["tools"]) == 50
    assert settled.data["tools"][7] == ("tool-7" + "x" * 200)[:100]
    (account,) = accounts(world.events()).values()
    assert account.calls[0].tools == tuple(settled.data["tools"])


def test_a_call_is_made_after_its_reservation_is_recorded(world: Any, plan_of: Any) -> None:
    """When the backend is asked, the log has the reservation already."""
    seen: list[int] = []

    def look(request: LlmRequest) -> LlmReply:
        seen.append(len(world.log("model.reserved")))
        return reply()

    world.models, world.script = models(Backend(look)), asks_once
    asyncio.run(world.run(plan_of("a b c")))
    assert len(seen) == 3 and all(recorded >= number for number, recorded in enumerate(seen, 1))


def test_what_does_not_fit_pauses_the_run_and_costs_no_attempt(world: Any, plan_of: Any) -> None:
    """The refused call is not made; the run can be resumed with a larger budget, and the task has all its attempts."""
    backend = Backend(lambda request: reply())
    world.max_attempts, world.script, plan = 1, asks_once, plan_of("a b", "a>b")
    world.models = models(backend, max_tokens=WORST + 14)
    assert asyncio.run(world.run(plan)) == "paused"
    paused = world.events()[-1]
    assert (paused.type, paused.data["cause"], len(backend.requests)) == ("run.paused", "budget", 1)
    assert paused.data["why"].startswith(f"stopped by the budget: the next call to the model may take {WORST:,} tokens")
    assert asyncio.run(world.run(plan)) == "paused", "what was spent before still counts"
    assert len(backend.requests) == 1
    world.models = models(backend, max_tokens=WORST + 15)
    assert asyncio.run(world.run(plan)) == "completed"


@pytest.mark.parametrize("how", ["raises", "wraps", "fails", "permanent"])
def test_however_an_agent_takes_the_refusal(world: Any, plan_of: Any, how: str) -> None:
    """An agent that turns the refusal into a failure of its own does not fail its task by that."""

    async def stubborn(task: Task, context: AgentContext) -> AgentResult:
        try:
            return await asks_once(task, context)
        except BudgetExceeded as error:
            if how == "raises":
                raise
            if how == "wraps":
                raise RuntimeError("no money") from None
            return AgentResult(status="failed", error=str(error), permanent=how == "permanent")

    world.max_attempts, world.script = 1, stubborn
    world.models = models(Backend(lambda request: reply()), max_tokens=WORST)
    spent_by_planning(world)
    assert asyncio.run(world.run(plan_of("a"))) == "paused"
    assert fold(world.events()).tasks["a"].status == "pending"


@pytest.mark.parametrize("how", ["raises", "wraps", "fails", "says budget"])
@pytest.mark.parametrize(
    "settings", [{"max_tokens": WORST - 1}, {"max_tokens_per_task": WORST - 1}, {"max_cost_usd_per_agent": 0.0}]
)
def test_who_asks_for_too_much_fails_alone(world: Any, plan_of: Any, how: str, settings: dict[str, Any]) -> None:
    """A call that is larger than the whole, or than what its task or agent type may take, is its own attempt's failure, however the agent puts it:
    it costs the attempt, the reason is said, and others go on."""

    async def greedy(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "b":
            return DONE
        try:
            return await asks_once(task, context)
        except BudgetExceeded as error:
            assert error.own
            if how == "raises":
                raise
            if how == "wraps":
                raise RuntimeError("no money") from None
            return AgentResult(status="failed", error="no money", sort="budget" if how == "says budget" else "")

    backend = Backend(lambda request: reply())
    world.max_attempts, world.script, world.concurrency = 2, greedy, 1
    world.models = models(backend, {"m": A_DOLLAR}, **settings)
    assert asyncio.run(world.run(plan_of("a b"))) == "failed"
    failed = [one.data for one in world.events() if one.type == "attempt.failed"]
    assert [each["sort"] for each in failed] == ["transient"] * 2
    assert all("raise budget.max_" in each["error"] for each in failed)
    statuses = {name: task.status for name, task in fold(world.events()).tasks.items()}
    assert (statuses, backend.requests) == ({"a": "failed", "b": "completed"}, [])


def test_a_limit_of_ones_own_goes_before_that_of_all(world: Any, plan_of: Any) -> None:
    """A call that fits neither what is left of the run nor its task's limit stops nobody else."""

    async def greedy(task: Task, context: AgentContext) -> AgentResult:
        if task.id == "a":
            await asks_once(task, context)
        return DONE

    world.max_attempts, world.script, world.concurrency = 1, greedy, 1
    world.models = models(Backend([]), max_tokens=WORST, max_tokens_per_task=WORST - 1)
    spent_by_planning(world)
    assert asyncio.run(world.run(plan_of("a b"))) == "failed"
    assert [task for _, task in world.log("task.completed")] == ["b"]


def test_an_agent_may_do_without(world: Any, plan_of: Any) -> None:
    """Work that is done although a call was refused counts; the run pauses all the same, for the next would be refused too."""

    async def thrifty(task: Task, context: AgentContext) -> AgentResult:
        with pytest.raises(BudgetExceeded):
            await asks_once(task, context)
        return DONE

    world.script, world.concurrency = thrifty, 1
    world.models = models(Backend([]), max_tokens=WORST)
    spent_by_planning(world)
    assert asyncio.run(world.run(plan_of("a b"))) == "paused"
    assert [task for _, task in world.log("task.completed")] == ["a"]


@pytest.mark.parametrize(
    ("settings", "prices", "made"),
    [
        ({"max_cost_usd": 1.0}, {}, 0),
        ({"max_cost_usd": 1.0, "allow_unpriced": True}, {}, 2),
        ({"max_cost_usd_per_task": 1.0}, {}, 0),
        ({"max_cost_usd_per_agent": 1.0}, {}, 0),
        ({"max_cost_usd": 1.0}, {"m": A_DOLLAR}, 2),
        ({"max_tokens": 10_000}, {}, 2),
    ],
)
def test_without_a_price_a_cost_cannot_be_limited(
    world: Any, plan_of: Any, settings: dict[str, Any], prices: dict[str, PriceSettings], made: int
) -> None:
    """Where dollars are limited, a model of unknown price is not asked, unless that is allowed; its calls are never said to cost nothing."""
    backend = Backend(lambda request: reply())
    world.models, world.script = models(backend, prices, **settings), asks_once
    status = asyncio.run(world.run(plan_of("a b", "a>b")))
    assert (status, len(backend.requests)) == ("completed" if made else "paused", made)
    if not made:
        assert "no price is known for the model 'm' at https://models.example" in world.events()[-1].data["why"]
        assert '[prices."m"]' in world.events()[-1].data["why"]
    costs = [one.data["nano_usd"] for one in world.events() if one.type == "model.settled"]
    assert costs == ([15_000] * 2 if prices else [None] * made)


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ({"max_tokens_per_task": WORST + 14}, 1),
        ({"max_tokens_per_task": WORST + 15}, 2),
        ({"max_cost_usd_per_task": (WORST + 14) / 1e6}, 1),
        ({"max_tokens_per_agent": WORST + 14}, 1),
        ({"max_cost_usd_per_agent": (WORST + 15) / 1e6}, 2),
    ],
)
def test_tasks_and_agents_have_limits_of_their_own(
    world: Any, plan_of: Any, settings: dict[str, Any], made: int
) -> None:
    """All calls of a task, in every attempt, and all calls of agents of one type are added up, over every process of the run."""

    async def twice(task: Task, context: AgentContext) -> AgentResult:
        await asks_once(task, context)
        return await asks_once(task, context)

    backend = Backend(lambda request: reply())
    world.models, world.script, world.concurrency = models(backend, {"m": A_DOLLAR}, **settings), twice, 1
    status = asyncio.run(world.run(plan_of("a")))
    assert (status, len(backend.requests)) == ("failed" if made == 1 else "completed", made)
    if made == 1:
        failed = [one.data for one in world.events() if one.type == "attempt.failed"]
        (limit,) = settings
        assert len(failed) == world.max_attempts and f"raise budget.{limit})" in failed[-1]["error"]


def test_planning_counts(world: Any, plan_of: Any) -> None:
    """What was spent on the plan is gone from the budget of the run."""
    backend = Backend(lambda request: reply())
    world.models, world.script = models(backend, max_tokens=WORST + 15), asks_once
    spent_by_planning(world, 16)
    assert asyncio.run(world.run(plan_of("a"))) == "paused"
    assert backend.requests == []


def test_a_plan_file_cannot_enlarge_the_budget() -> None:
    """What planning spent stands in a file that people edit: nothing negative, and no less than its own tokens, is believed."""
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError):
            ModelUse(cost_usd=wrong)
    assert planning_data([ModelUse(input_tokens=10, output_tokens=5)])["tokens"] == 15


def test_a_reservation_that_nobody_settled_is_spent(world: Any, plan_of: Any) -> None:
    """A process that dies in the middle of a call may have had it billed."""
    backend = Backend(lambda request: reply())
    world.models, world.script = models(backend, max_tokens=2 * WORST - 1), asks_once
    lost = {"call": "0.1", "agent_type": "worker", "tokens": WORST, "nano_usd": None}
    world.store.append(
        lease := world.store.acquire("r", "dead"), [_started({}), _event("model.reserved", lost, task="a")]
    )
    world.store.release(lease)
    assert asyncio.run(world.run(plan_of("a"))) == "paused"
    assert (backend.requests, fold(world.events()).spending.total.tokens) == ([], WORST)


@pytest.mark.parametrize(
    ("sort", "may_cost", "counts"),
    [
        ("rate_limit", None, 0),
        ("rate_limit", True, WORST),
        ("outage", None, WORST),
        ("outage", False, 0),
        ("transient", None, WORST),
        ("poison", None, WORST),
    ],
)
def test_what_a_failure_counts_as(world: Any, plan_of: Any, sort: str, may_cost: bool | None, counts: int) -> None:
    """A call that is known to have reached no model costs nothing; any other its worst case. Each try is a call of its own."""
    backend = Backend([BackendError("no", sort=sort, may_cost=may_cost), reply()])
    world.models, world.script = models(backend), asks_once
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    settled = [one.data for one in world.events() if one.type == "model.settled"]
    assert [(each["error"], each["tokens"]) for each in settled] == [(sort, counts), ("", 15)]


def test_an_agent_in_a_thread_asks_too(world: Any, plan_of: Any) -> None:
    """A plain ``execute`` runs in a thread; what it asks on a loop of its own goes through the same books."""
    threads = []

    class Blocking(SyncAgent):
        def execute(self, task: Task, context: AgentContext) -> AgentResult:
            threads.append(threading.current_thread())
            asyncio.run(asks_once(task, context))
            return DONE

    world.make_agent = lambda agent_type: Blocking()
    world.models = models(Backend([reply()]))
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    assert len(world.log("model.settled")) == 1 and threads[0] is not threading.main_thread()


def test_an_attempt_that_is_over_spends_nothing_more(world: Any, plan_of: Any) -> None:
    """An agent that goes on in the background after its result is not answered any more."""
    late: list[Any] = []

    async def leaves_something(task: Task, context: AgentContext) -> AgentResult:
        async def later() -> None:
            while not world.log("attempt.sealed"):
                await asyncio.sleep(0.005)
            try:
                late.append(await asks_once(task, context))
            except BudgetExceeded as error:
                late.append(str(error))

        jobs.append(asyncio.ensure_future(later()))
        return DONE

    jobs: list[Any] = []
    backend = Backend([])
    world.models, world.script = models(backend), leaves_something

    async def work() -> str:
        status: str = await world.run(plan_of("a"))
        await asyncio.gather(*jobs)
        return status

    assert asyncio.run(work()) == "completed"
    assert (late, backend.requests) == (["the attempt is over: nothing more is spent on it"], [])


def test_a_reply_that_was_not_counted_is_not_free(world: Any, plan_of: Any) -> None:
    """A backend that reports no tokens at all is charged the most its exchange can have taken, and that is said."""
    world.models, world.script = models(Backend([LlmReply(text="yes")])), asks_once
    assert asyncio.run(world.run(plan_of("a"))) == "completed"
    settled = next(one.data for one in world.events() if one.type == "model.settled")
    assert (settled["estimated"], settled["input_tokens"]) == (True, input_bound(LlmRequest.of("why")))


def _event(type: str, data: dict[str, Any], **more: Any) -> Any:
    from agent_dispatcher.models import Event

    return Event(run="r", type=type, at=0.0, data=data, **more)


def _started(planning: dict[str, Any]) -> Any:
    return _event("run.started", {"base": "c0", "planning": planning})
