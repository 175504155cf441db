"""Finds the JSON object in what a model wrote. Repairs nothing: what is not JSON is sent back to its author."""

from __future__ import annotations

import re
from typing import Any

from agent_dispatcher.codec import StructureError
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.safe_load import plain_json

__all__ = ["Unreadable", "misfits", "object_in"]

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n")
_FENCE_END = re.compile(r"\n[ \t]*```")


class Unreadable(ValueError):
    """There is no JSON object in a reply; says why."""


def misfits(error: StructureError) -> tuple[str, ...]:
    """What of an object does not have the shape that was asked for, each with where it stands in the object."""
    said = ((fault.at, f"{fault.message} {fault.remedy}".strip()) for fault in error.faults)
    return tuple(f"{at}: {what}" if at else what for at, what in said)


def object_in(text: str) -> dict[str, Any]:
    """The object that is the whole text, stands in its first code fence, or reaches from its first brace to its last.

    Raises:
        Unreadable: it is not there, malformed (with line and column), or too large.
    """
    text = _THOUGHT.sub("", text).strip()
    if not text:
        raise Unreadable("the reply is empty: it must be one JSON object")
    if not text.startswith("{"):
        fence = _FENCE.search(text)
        closed = _FENCE_END.search(text, fence.end()) if fence else None
        text = text[fence.end() : closed.start()].strip() if fence and closed else text
    start, end = text.find("{"), text.rfind("}")
    if start < 0:
        raise Unreadable("there is no JSON object in the reply")
    text = text[start : end + 1] if end > start else text[start:]
    try:
        value = plain_json(text, "reply")
    except SpecificationError as error:
        raise Unreadable("; ".join(str(problem) for problem in error.problems)) from error
    if not isinstance(value, dict):
        raise Unreadable("the reply is no JSON object")
    return value
