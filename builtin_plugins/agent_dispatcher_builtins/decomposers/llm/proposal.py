"""What the model is to reply with: the JSON schema it is given, and the same shape as classes, into which the reply is read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen
from attrs.validators import and_, ge, in_, le, min_len

__all__ = ["ARTIFACT_TYPES", "EXAMPLE", "Named", "Proposal", "Proposed", "Wanted", "proposal_schema"]

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


_STORE = Named(type="path", name="src/message_store.py")

#: What a good reply looks like, for the prompt: keys are no requirement ids, order comes from artifacts, tests verify.
EXAMPLE = Proposal(
    tasks=(
        Proposed(
            key="message-store",
            title="Store messages",
            description="A message can be saved and all can be read, oldest first.",
            type="code_writing",
            component="messages",
            requirements=("G1",),
            produces=(_STORE,),
            consumes=(),
            depends_on=(),
            verifies=(),
            complexity=2,
        ),
        Proposed(
            key="message-store-tests",
            title="Test the message store",
            description="Saving and reading are tested, with no message and with many.",
            type="testing",
            component="messages",
            requirements=("G1",),
            produces=(Named(type="path", name="tests/test_message_store.py"),),
            consumes=(),
            depends_on=(),
            verifies=("message-store",),
            complexity=1,
        ),
        Proposed(
            key="message-page",
            title="Show messages on a page",
            description="The page lists the stored messages and has a form for a new one.",
            type="code_writing",
            component="pages",
            requirements=("G1",),
            produces=(Named(type="path", name="src/message_page.py"),),
            consumes=(_STORE,),
            depends_on=(),
            verifies=(),
            complexity=3,
        ),
    )
)


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
