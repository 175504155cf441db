"""The meter: what was asked is counted, what does not fit is refused before it is asked, nothing is caught."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError, BudgetExceeded
from agent_dispatcher.extension import LlmReply, LlmRequest, Usage
from agent_dispatcher.llm import Budget, MeteredLlm, input_bound
from agent_dispatcher.llm.budget import Cap
from agent_dispatcher.models import ModelUse
from agent_dispatcher.provenance import Scrubber
from agent_dispatcher.testing import ScriptedBackend


def replying(read: int, written: int, model: str = "m", **more: Any) -> LlmReply:
    return LlmReply(text="yes", usage=Usage(input_tokens=read, output_tokens=written, **more), model=model)


def ask(llm: MeteredLlm, purpose: str = "decompose", most: int = 100) -> LlmReply:
    return asyncio.run(llm.complete(LlmRequest.of("why", purpose=purpose, max_output_tokens=most)))


def test_calls_are_added_up_by_purpose_and_model() -> None:
    """Each purpose and model has one row, sorted, with the tokens of its calls; a failed call is counted without tokens."""
    lines = [
        replying(10, 2),
        replying(5, 1, cached_input_tokens=4),
        BackendError("503", sort="outage"),
        replying(7, 7, model="other", estimated=True),
    ]
    llm = MeteredLlm(ScriptedBackend(lines), "b")
    ask(llm)
    ask(llm)
    with pytest.raises(BackendError, match="503"):
        ask(llm)
    ask(llm, "dependencies")
    assert llm.used() == (
        ModelUse(purpose="decompose", backend="b", model="", calls=1, failed=1, cost_usd=0.0),
        ModelUse(
            purpose="decompose",
            backend="b",
            model="m",
            calls=2,
            input_tokens=15,
            output_tokens=3,
            cached_input_tokens=4,
            counted_tokens=18,
            unpriced=2,
        ),
        ModelUse(
            purpose="dependencies",
            backend="b",
            model="other",
            calls=1,
            input_tokens=7,
            output_tokens=7,
            estimated=True,
            counted_tokens=14,
            unpriced=1,
        ),
    )


def test_a_call_that_may_not_fit_is_not_made() -> None:
    """The worst case counts, not the likely one; the refusal names the limit and reaches nobody outside."""
    backend = ScriptedBackend(lambda request: replying(1, 1))
    worst = input_bound(LlmRequest.of("why")) + 100
    llm = MeteredLlm(backend, "b", Budget(run=Cap(tokens=worst + 1)))
    ask(llm)  # takes 2 of the tokens, so that the worst case of the next does not fit any more
    with pytest.raises(BudgetExceeded, match=rf"may take {worst:,} tokens, of {worst + 1:,} .* 2 are gone.*max_tokens"):
        ask(llm)
    assert (len(backend.requests), llm.budget.total.held_tokens, llm.budget.total.tokens) == (1, 0, 2)


def test_calls_at_the_same_time_share_the_budget() -> None:
    """Two calls that fit one by one but not together: the second waits for what the first really takes, and is refused only if that is too much."""
    worst = input_bound(LlmRequest.of("why")) + 100
    most = 0

    def reply(request: LlmRequest) -> LlmReply:
        nonlocal most
        most = max(most, llm.budget.total.held_tokens)
        return replying(takes, 0)

    llm = MeteredLlm(ScriptedBackend(reply, delay_s=0.02), "b", Budget(run=Cap(tokens=worst * 2 - 1)))

    async def both() -> list[Any]:
        request = LlmRequest.of("why", max_output_tokens=100)
        return await asyncio.gather(llm.complete(request), llm.complete(request), return_exceptions=True)

    takes = worst - 1
    first, second = asyncio.run(both())
    assert isinstance(first, LlmReply) and isinstance(second, LlmReply)
    assert most == worst, "never more than fits is set aside"
    llm.budget, takes = Budget(run=Cap(tokens=worst * 2 - 1)), worst
    first, second = asyncio.run(both())
    assert isinstance(first, LlmReply) and isinstance(second, BudgetExceeded)


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (BackendError("429", sort="rate_limit"), 0),
        (BackendError("503", sort="outage"), 0),
        (BackendError("401", sort="permanent"), 0),
        (BackendError("cut off", sort="transient"), 1),
        (BackendError("no JSON", sort="poison"), 1),
        (asyncio.CancelledError(), 1),
    ],
    ids=lambda value: getattr(value, "sort", str(value) or "cancelled"),
)
def test_what_may_have_been_billed_stays_spent(error: BaseException, spent: int) -> None:
    """A failed call gives its reservation back only when no model can have read it."""
    llm = MeteredLlm(ScriptedBackend([error]), "b")
    with pytest.raises(type(error)):
        ask(llm)
    worst = input_bound(LlmRequest.of("why")) + 100
    assert (llm.budget.total.tokens, llm.budget.total.held_tokens) == (spent * worst, 0)


def test_whoever_writes_an_answer_into_a_file_learns_of_hidden_keys() -> None:
    """Those in the question count too: the model saw the mark there, and repeats it."""
    llm = MeteredLlm(ScriptedBackend(["fine", "it is key-17-abcdef", "fine"]), scrubber=Scrubber.of(["key-17-abcdef"]))
    hidden = [asyncio.run(llm.complete(LlmRequest.of(text))) for text in ("with key-17-abcdef", "without", "without")]
    assert [(reply.text, reply.keys_hidden) for reply in hidden] == [
        ("fine", True),
        ("it is <secret>", True),
        ("fine", False),
    ]


def test_a_backend_of_another_contract_is_named() -> None:
    """A reply that is no LlmReply is the backend's fault, and its name is said."""

    class Own:
        async def complete(self, request: LlmRequest) -> Any:
            return "yes"

    with pytest.raises(BackendError, match=r"backend 'own' answered with str") as caught:
        ask(MeteredLlm(Own(), "own"))
    assert caught.value.sort == "poison"


def test_the_bound_holds_everything_that_is_sent() -> None:
    """Each part of a request counts with its UTF-8 bytes at least."""
    plain = input_bound(LlmRequest.of("x"))
    assert input_bound(LlmRequest.of("x" + "é" * 100)) - plain == 200
    assert input_bound(LlmRequest.of("x", system="y" * 100)) - plain >= 100
    assert input_bound(LlmRequest.of("x", schema={"title": "z" * 100})) - plain >= 100
    from agent_dispatcher.extension import Tool

    assert input_bound(LlmRequest.of("x", tools=[Tool(name="t", description="d" * 100)])) - plain >= 100
