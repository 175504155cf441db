"""Two agents of a small plugin agree on an interface through the bus, in a real run: one settles it, the other waits for it and builds on it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import Event, Task
from agent_dispatcher.testing import dispatcher
from agent_dispatcher_builtins.executors import hooks as executors

TOPIC = "interface.loans"


class Server(BaseAgent):
    """Settles the interface first, then implements it."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        signature = "def lend(book: str, days: int) -> Loan"
        await context.bus.publish(TOPIC, {"signature": signature}, durable=True)
        context.workspace.write_text("loans.txt", signature)
        return AgentResult(status="done", summary="settled")


class Client(BaseAgent):
    """Begins at the same time, and needs only what was settled."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        settled = await context.bus.latest(TOPIC, timeout_s=10)
        context.workspace.write_text("client.txt", f"calls {settled.payload['signature']} of event {settled.seq}")
        return AgentResult(status="done", summary="built on it")


class BlockingClient(SyncAgent):
    """The same, written for a thread."""

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        settled = context.bus.blocking().latest(TOPIC, timeout_s=10)
        context.workspace.write_text("client.txt", f"calls {settled.payload['signature']} of event {settled.seq}")
        return AgentResult(status="done", summary="built on it")


class Talking:
    """The plugin: two agent types."""

    def __init__(self, client: type[BaseAgent | SyncAgent]) -> None:
        self.client = client

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        for name, agent in (("server", Server), ("client", self.client)):
            yield AgentType(
                name=name,
                summary="Talks.",
                factory=lambda options, services, agent=agent: agent(),
                task_types=frozenset({name}),
                default_rank=1,
            )


def carry_out(client: type[BaseAgent | SyncAgent], order: list[str], folder: Path) -> tuple[list[Event], str]:
    events: list[Event] = []
    ready: AgentDispatcher = dispatcher(
        plugins=[("talking", Talking(client)), ("local-executor", executors.local)],
        config={"coordinator": {"max_concurrent_tasks": 2}},
    )
    plan = ready.plan_tasks([{"id": name, "title": name, "type": name} for name in order])
    assert plan.dependencies == ()
    result = ready.execute(plan, folder / "out", on_events=events.extend)
    assert result.status == "completed"
    return events, (folder / "out" / "client.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("client", [Client, BlockingClient])
@pytest.mark.parametrize("order", [["client", "server"], ["server", "client"]])
def test_a_task_gets_the_interface_another_settled(client: Any, order: list[str], tmp_path: Path) -> None:
    """Whoever begins first, the client gets what the server settled, and the log holds it."""
    events, written = carry_out(client, order, tmp_path)
    (message,) = [event for event in events if event.type == "message"]
    assert message.data["topic"] == TOPIC
    assert written == f"calls {message.data['payload']['signature']} of event {message.seq}"


def test_they_work_at_the_same_time(tmp_path: Path) -> None:
    """The client begins before the server is done: the message, not the landing, is what it waits for."""
    events, _ = carry_out(Client, ["client", "server"], tmp_path)
    numbers = {(event.type, event.task): event.seq for event in events}
    assert numbers["attempt.started", "client"] < numbers["attempt.sealed", "server"]
