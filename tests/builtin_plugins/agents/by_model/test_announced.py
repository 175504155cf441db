"""What other tasks have announced: the last message of each topic, cut to a length that fits a prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from agent_dispatcher.agents.messages import Message
from agent_dispatcher.models import Task
from agent_dispatcher.testing.context import context_for
from agent_dispatcher_builtins.agents.by_model.announced import Announced, announced


@frozen
class Recorded:
    """A bus with messages on record."""

    messages: tuple[Message, ...]

    def history(self, pattern: str = "*", *, after: int = 0) -> tuple[Message, ...]:
        assert pattern == "interface.*"
        return self.messages


def said(*pairs: tuple[str, Any], settled: Iterable[str] = ("a", "b")) -> tuple[Announced, ...]:
    bus = Recorded(tuple(Message(topic=topic, payload=payload) for topic, payload in pairs))
    return announced(context_for(Task(id="t", title="T"), bus=bus, settled=lambda: frozenset(settled)))


def test_the_last_of_each_topic_counts() -> None:
    """Texts as they are, all else as JSON; without a bus there is nothing."""
    found = said(("interface.b", {"call": "b(é)"}), ("interface.a", "old"), ("interface.a", "new"))
    assert found == (Announced("interface.a", "new"), Announced("interface.b", '{"call": "b(é)"}'))
    assert announced(context_for(Task(id="t", title="T"), bus=None, settled=lambda: frozenset("a"))) == ()


def test_only_what_is_certain_to_be_there_is_shown() -> None:
    """A task that is at work at the same time has announced something or not, as it happens: it is not asked."""
    assert said(("interface.a", "sure"), ("interface.c", "by chance")) == (Announced("interface.a", "sure"),)


def test_it_is_bounded() -> None:
    """Twenty messages of two thousand characters at most."""
    found = said(*((f"interface.{number}", "x" * 5000) for number in range(30)), settled=map(str, range(30)))
    assert len(found) == 20
    assert {len(each.text) for each in found} == {2001}
