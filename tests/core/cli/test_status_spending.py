"""What ``status`` says about what models have used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.cli.runs import _spent
from agent_dispatcher.coordination.memory_store import MemoryStore
from agent_dispatcher.models import Event, ExecutionMetrics, ExecutionPlan, Specification
from agent_dispatcher.runs.desk import RunDesk

METRICS = ExecutionMetrics(tokens=1000, cost_usd=0.0)
USED, RESERVED = "200 tokens, 0.0000 US dollars, at most 800 tokens more under way", "1,000 tokens, 0.0000 US dollars"


def call(type: str, number: str, tokens: int) -> Event:
    data: dict[str, Any] = {"call": number, "agent_type": "w", "tokens": tokens, "nano_usd": 0}
    return Event(run="r", at=1.0, type=type, task="t", attempt=1, data=data)


def of_run(type: str) -> Event:
    return Event(run="r", at=1.0, type=type, data={})


UNDER_WAY = (call("model.reserved", "1.1", 500), call("model.settled", "1.1", 200), call("model.reserved", "1.2", 800))


@pytest.mark.parametrize(
    ("more", "is_owned", "said"),
    [((), True, USED), ((), False, RESERVED), ((of_run("run.resumed"),), True, RESERVED)],
    ids=["at work", "killed", "of a process before"],
)
def test_reservations_are_no_use_while_their_calls_are_under_way(
    more: tuple[Event, ...], is_owned: bool, said: str
) -> None:
    """Those of a process that has ended nobody settles: they count as used."""
    store = MemoryStore()
    lease = store.acquire("r", "somebody")
    store.append(lease, [of_run("run.started"), *UNDER_WAY, *more])
    if not is_owned:
        store.release(lease)
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=())
    desk = RunDesk(output=Path("out"), run="r", plan=plan, open_store=lambda: store)
    assert _spent(METRICS, desk) == said
