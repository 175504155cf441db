"""One question to a model, asked until the answer can be used, at most so often.

::

    system, request ──▶ reply ──▶ read ──▶ nothing wrong: done
                          ▲                 │
                          └── repair ◀──────┘  faults and flaws, word for word, behind the reply they are about

A *fault* makes a reply useless, a *flaw* only makes it worse: when the last try has flaws alone, the best reply so far is taken and its flaws are told. What the
backend raises goes through: it is the backend's, and a model that cannot be reached is not asked again here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest

from .reply import Unreadable, object_in
from .templates import Prompt

__all__ = ["Answer", "Asking", "Question", "Readout", "Unusable", "ask", "tokens"]

T = TypeVar("T")

#: How much of what is wrong is told to the model at once.
_MOST_ERRORS = 20
_LONGEST_ERROR = 400


def tokens(text: str) -> int:
    """An estimate: one token for three bytes of UTF-8. Real prose takes fewer, dense tables and rare scripts up to twice as many."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


@frozen(kw_only=True)
class Asking:
    """How a model is asked.

    Attributes:
        model: the model to ask, ``""`` for the backend's.
        repairs: how often a reply may be sent back.
        timeout_s: seconds for one reply, ``None`` for the backend's own limit.
    """

    model: str = ""
    max_output_tokens: int = field(default=8192, validator=gt(0))
    repairs: int = field(default=2, validator=and_(ge(0), le(2)))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))


@frozen(kw_only=True)
class Readout(Generic[T]):
    """What a reply says.

    Attributes:
        value: ``None`` when there are faults.
        faults, flaws: sentences that the model can act on.
    """

    value: T | None = None
    faults: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()


@frozen(kw_only=True)
class Question(Generic[T]):
    """What is asked, and how the answer is judged.

    Attributes:
        values: what the template is rendered with.
        schema: JSON schema of the answer.
        read: the answer's object to what it says; raises nothing.
        about: ids of what is asked about, for the record.
    """

    prompt: Prompt
    values: Mapping[str, Any]
    purpose: str
    schema: Mapping[str, Any]
    schema_name: str
    read: Callable[[dict[str, Any]], Readout[T]]
    about: tuple[str, ...] = ()


@frozen(kw_only=True)
class Answer(Generic[T]):
    """A usable answer; ``flaws`` are what is still wrong with it."""

    value: T
    flaws: tuple[str, ...] = ()


@frozen(kw_only=True)
class Unusable:
    """No reply could be used; ``reason`` is a sentence for people."""

    reason: str


async def ask(llm: Any, question: Question[T], asking: Asking) -> Answer[T] | Unusable:
    """The answer to ``question``, after at most ``1 + asking.repairs`` calls."""
    opening = (
        ChatMessage(role="system", content=question.prompt.render("system", question.values)),
        ChatMessage(role="user", content=question.prompt.render("request", question.values)),
    )
    messages: tuple[ChatMessage, ...] = opening
    best: Answer[T] | None = None
    wrong: tuple[str, ...] = ()
    for _ in range(1 + asking.repairs):
        request = LlmRequest(
            messages=messages,
            purpose=question.purpose,
            about=question.about,
            model=asking.model,
            schema=question.schema,
            schema_name=question.schema_name,
            max_output_tokens=asking.max_output_tokens,
            timeout_s=asking.timeout_s,
        )
        reply: LlmReply = await llm.complete(request)
        if reply.stop_reason == "refused":
            return Unusable(reason=f"the model would not answer: {_short(reply.text) or 'it gave no reason'}")
        found = _read(reply, question, asking)
        wrong = (*found.faults, *found.flaws)
        if found.value is not None and not found.faults:
            if best is None or len(found.flaws) < len(best.flaws):
                best = Answer(value=found.value, flaws=found.flaws)
            if not found.flaws:
                return best
        told = [_short(each) for each in wrong[:_MOST_ERRORS]]
        if len(wrong) > _MOST_ERRORS:
            told.append(f"and {len(wrong) - _MOST_ERRORS} more of the kind")
        repair = question.prompt.render("repair", {**question.values, "errors": told})
        messages = (
            *opening,
            ChatMessage(role="assistant", content=reply.text or "(nothing)"),
            ChatMessage(role="user", content=repair),
        )
    if best is not None:
        return best
    times = f"{1 + asking.repairs} replies" if asking.repairs else "the reply"
    return Unusable(reason=f"{times} of the model could not be used; the last: {'; '.join(map(_short, wrong[:3]))}")


def _read(reply: LlmReply, question: Question[T], asking: Asking) -> Readout[T]:
    try:
        data = object_in(reply.text)
    except Unreadable as error:
        if reply.stop_reason == "length":
            what = f"the reply was cut off after {asking.max_output_tokens} tokens, so that its JSON is incomplete: say it in fewer words"
            return Readout(faults=(what,))
        return Readout(faults=(str(error),))
    return question.read(data)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 1]}…"
