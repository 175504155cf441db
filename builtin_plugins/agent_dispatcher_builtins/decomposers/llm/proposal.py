"""What the model is to reply with: the JSON schema it is given, and the same shape as classes, into which the reply is read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen
from attrs.validators import and_, ge, in_, le, min_len

__all__ = ["ARTIFACT_TYPES", "Named", "Proposal", "Proposed", "Wanted", "proposal_schema"]

#: What a task can promise or need.
ARTIFACT_TYPES = ("path", "module", "symbol", "route", "table", "entity")


def _name(text: str) -> str:
    """Without what does not belong to a name."""
    return text.strip().removeprefix("./") if isinstance(text, str) else text


@frozen(kw_only=True)
class Named:
    """Something a task makes or needs."""

    type: str = field(validator=in_(ARTIFACT_TYPES))
    name: str = field(converter=_name, validator=min_len(1))


@frozen(kw_only=True)
class Wanted:
    """A task that should come first, with the model's reason and the words of the specification it rests on (``""`` for none)."""

    task: str
    why: str
    quote: str


@frozen(kw_only=True)
class Proposed:
    """One task as the model describes it; other tasks are named by their ``key``."""

    key: str = field(validator=min_len(1))
    title: str = field(validator=min_len(1))
    description: str
    type: str
    component: str
    requirements: tuple[str, ...]
    produces: tuple[Named, ...]
    consumes: tuple[Named, ...]
    depends_on: tuple[Wanted, ...]
    verifies: tuple[str, ...]
    complexity: float = field(validator=and_(ge(1), le(10)))


@frozen(kw_only=True)
class Proposal:
    """The whole reply."""

    tasks: tuple[Proposed, ...] = field(validator=min_len(1))


def proposal_schema(types: Sequence[str], requirements: Sequence[str]) -> dict[str, Any]:
    """JSON schema of a :class:`Proposal` with these task types and requirement ids.

    It keeps to what servers that enforce schemas support: every property is required and no other is allowed.
    """
    text = {"type": "string"}
    named = _object(type={"type": "string", "enum": list(ARTIFACT_TYPES)}, name=text)
    task = _object(
        key=text,
        title=text,
        description=text,
        type={"type": "string", "enum": list(types)},
        component=text,
        requirements=_array({"type": "string", "enum": list(requirements)}),
        produces=_array(named),
        consumes=_array(named),
        depends_on=_array(_object(task=text, why=text, quote=text)),
        verifies=_array(text),
        complexity={"type": "integer", "minimum": 1, "maximum": 10},
    )
    return _object(tasks=_array(task))


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}
