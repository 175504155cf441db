"""What the tasks before this one have announced on the message bus, as data for a prompt: the last durable message of each topic ``interface.<task>``.

Only tasks count that are certain to have landed: what others publish at the same time is there or not as it happens, and the same run asks the same questions.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from agent_dispatcher.agents import AgentContext

__all__ = ["Announced", "announced"]

_TOPIC = "interface."
_MOST = 20
_LONGEST = 2000


@frozen
class Announced:
    """A message as it is shown."""

    topic: str
    text: str


def announced(context: AgentContext) -> tuple[Announced, ...]:
    """Sorted by topic; nothing where there is no bus."""
    topics = {f"{_TOPIC}{name}" for name in (*context.settled(), *(made.task for made in context.inputs))}
    if context.bus is None or not topics:
        return ()
    last = {each.topic: each.payload for each in context.bus.history(f"{_TOPIC}*") if each.topic in topics}
    return tuple(Announced(topic, _text(payload)) for topic, payload in sorted(last.items())[:_MOST])


def _text(payload: Any) -> str:
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
