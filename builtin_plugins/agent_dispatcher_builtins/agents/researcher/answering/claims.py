"""What the model is to answer with, and what of it is believed: a claim counts when its quotation stands in a source that was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import field, frozen
from attrs.validators import min_len

from agent_dispatcher.codec import StructureError, read, suggestion

from ....checks.citing import visible
from ....checks.quotations import LEAST_WORDS
from ....prompting.asking import Readout
from ....prompting.reply import misfits
from .library import Library
from .places import Place, place_of

__all__ = ["ANSWER_SCHEMA", "Claimed", "Proven", "Researched", "Sourceless", "judge"]


@frozen(kw_only=True)
class Claimed:
    """One claim as the model makes it.

    Attributes:
        claim: a sentence.
        option, criterion: what is compared and by what, ``""`` where nothing is compared.
        source: name of what was read.
        quote: its words there.
    """

    claim: str = field(validator=min_len(1))
    option: str
    criterion: str
    source: str
    quote: str


@frozen(kw_only=True)
class _Reply:
    """The whole reply; ``because`` are numbers of claims, from 1."""

    claims: tuple[Claimed, ...] = field(validator=min_len(1))
    conclusion: str
    because: tuple[int, ...]
    open: tuple[str, ...]


@frozen(kw_only=True)
class Proven:
    """A claim with the place that was found for it."""

    claim: str
    option: str
    criterion: str
    source: str
    place: Place


@frozen(kw_only=True)
class Sourceless:
    """A claim that was removed, and why."""

    claim: str
    why: str


@frozen(kw_only=True)
class Researched:
    """An answer.

    Attributes:
        because: the claims that the conclusion rests on, as numbers from 1 in ``claims``. A conclusion that rests on none is left out.
        removed: claims for which no source was found.
        open: what the model says it could not find.
    """

    claims: tuple[Proven, ...]
    conclusion: str = ""
    because: tuple[int, ...] = ()
    removed: tuple[Sourceless, ...] = ()
    open: tuple[str, ...] = ()


def judge(data: dict[str, Any], library: Library) -> Readout[Researched]:
    """The answer in ``data``.

    A fault: the shape, or not one claim that a source bears out. A flaw: a claim without its source, a conclusion that rests on nothing.
    """
    try:
        reply = read(data, _Reply)
    except StructureError as error:
        return Readout(faults=misfits(error))
    proven: list[Proven] = []
    removed: list[Sourceless] = []
    numbers: dict[int, int] = {}
    for number, each in enumerate(reply.claims, 1):
        found = _proven(each, library)
        if isinstance(found, Proven):
            proven.append(found)
            numbers[number] = len(proven)
        else:
            removed.append(Sourceless(claim=each.claim, why=found))
    wrong = [f"claim {visible(each.claim)!r}: {each.why}" for each in removed]
    if not proven:
        return Readout(faults=tuple(wrong))
    because = tuple(dict.fromkeys(numbers[number] for number in reply.because if number in numbers))
    conclusion = reply.conclusion.strip() if because else ""
    wrong += list(_unfounded(reply, numbers))
    answer = Researched(
        claims=tuple(proven),
        conclusion=conclusion,
        because=because,
        removed=tuple(removed),
        open=tuple(text for text in reply.open if text.strip()),
    )
    return Readout(value=answer, flaws=tuple(wrong))


def _proven(claimed: Claimed, library: Library) -> Proven | str:
    name = claimed.source.strip().strip("[]")
    document = library.documents.get(name)
    if document is None:
        return f"its source {name!r} was not read; {suggestion(name, library.documents)}"
    place = place_of(claimed.quote, document)
    if place is None:
        return (
            f"{visible(claimed.quote)!r} does not stand in {name} or says too little: "
            f"quote {LEAST_WORDS} words of it or more, as they stand there"
        )
    return Proven(
        claim=visible(claimed.claim),
        option=visible(claimed.option),
        criterion=visible(claimed.criterion),
        source=name,
        place=place,
    )


def _unfounded(reply: _Reply, numbers: dict[int, int]) -> Iterator[str]:
    if not reply.conclusion.strip():
        return
    unknown = [number for number in reply.because if number not in numbers]
    if unknown:
        yield f"the conclusion rests on claims that do not hold: {', '.join(map(str, unknown))}"
    elif not reply.because:
        yield "the conclusion rests on no claim: name their numbers in because"


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_TEXT = {"type": "string"}
_CLAIM = _object(claim=_TEXT, option=_TEXT, criterion=_TEXT, source=_TEXT, quote=_TEXT)

#: JSON schema of the reply; every property is required and no other is allowed, as servers that enforce schemas want it.
ANSWER_SCHEMA: dict[str, Any] = _object(
    claims={"type": "array", "items": _CLAIM},
    conclusion=_TEXT,
    because={"type": "array", "items": {"type": "integer"}},
    open={"type": "array", "items": _TEXT},
)


def names(values: Sequence[str]) -> tuple[str, ...]:
    """Without repetitions and without the empty one, in order."""
    return tuple(dict.fromkeys(value for value in values if value))
