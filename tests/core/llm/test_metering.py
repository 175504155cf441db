"""The meter: what was asked is counted, what does not fit is refused before it is asked, nothing is caught."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from agent_dispatcher.config.values import PriceSettings
from agent_dispatcher.errors import BackendError, BudgetExceeded
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, PricedAs, Tool, Usage
from agent_dispatcher.extension.llm import ToolCall
from agent_dispatcher.llm import Budget, MeteredLlm, Prices, held_back, input_bound
from agent_dispatcher.llm.budget import Cap
from agent_dispatcher.llm.prices import Price
from agent_dispatcher.llm.waiting import WAITING, Waiting
from agent_dispatcher.models import ModelUse
from agent_dispatcher.provenance import Scrubber
from agent_dispatcher.testing import ScriptedBackend

#: One dollar for a million tokens, for the model of a backend that names none.
PRICES = Prices({"": PriceSettings(input=1.0, output=1.0)})


def replying(read: int, written: int, model: str = "m", **more: Any) -> LlmReply:
    return LlmReply(text="yes", usage=Usage(input_tokens=read, output_tokens=written, **more), model=model)


def ask(llm: MeteredLlm, purpose: str = "decompose", most: int = 100) -> LlmReply:
    return asyncio.run(llm.complete(LlmRequest.of("why", purpose=purpose, max_output_tokens=most)))


def test_calls_are_added_up_by_purpose_and_model() -> None:
    """Each purpose and model has one row, sorted, with the tokens of its calls; a failed call is counted without tokens."""
    lines = [
        replying(10, 2),
        replying(5, 1, cached_input_tokens=4),
        BackendError("503", sort="outage", may_cost=False),
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


@pytest.mark.parametrize(("first_is_held", "spent"), [(True, 0), (False, 1)])
def test_who_asks_another_model_instead_is_charged_for_that_one(first_is_held: bool, spent: int) -> None:
    """A wrapper gives up what is still being fetched, and asks a server: cancelled before, it has cost nothing; cancelled there, the worst case."""

    class FirstOneThenAnother:
        async def complete(self, request: LlmRequest) -> LlmReply:
            try:
                async with asyncio.timeout(None if first_is_held else 0.01):
                    with held_back():
                        await asyncio.sleep(60)
            except TimeoutError:
                await asyncio.sleep(60)
            raise AssertionError("not reached")

    async def cancelled() -> None:
        call = asyncio.create_task(llm.complete(LlmRequest.of("why")))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.wait([call])

    llm = MeteredLlm(FirstOneThenAnother(), "b")
    asyncio.run(cancelled())
    assert llm.calls[0].tokens == spent * (input_bound(LlmRequest.of("why")) + LlmRequest.of("why").max_output_tokens)


def test_what_comes_before_a_model_reads_is_not_the_attempts_time() -> None:
    """Waits at the same time count once; when they are over the time counts again."""
    now = [0.0]
    waiting = Waiting()
    token = WAITING.set(waiting)
    try:
        with held_back(lambda: now[0]):
            now[0] = 5.0
            with held_back(lambda: now[0]):
                now[0] = 7.0
            assert waiting.seconds(8.0) == 8.0
            now[0] = 9.0
        assert waiting.seconds(20.0) == 9.0
    finally:
        WAITING.reset(token)


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (BackendError("429", sort="rate_limit"), 0),
        (BackendError("nobody there", sort="outage", may_cost=False), 0),
        (BackendError("504", sort="outage"), 1),
        (BackendError("401", sort="permanent"), 0),
        (BackendError("filtered", sort="permanent", may_cost=True), 1),
        (BackendError("cut off", sort="transient"), 1),
        (BackendError("no JSON", sort="poison"), 1),
        (asyncio.CancelledError(), 1),
    ],
    ids=str,
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


@pytest.mark.parametrize("tokens", [10**400, 10**5000, 10**10], ids=["400", "5000", "10"])
def test_a_count_that_cannot_be_is_refused(tokens: int) -> None:
    """The reservation is settled as the worst case, so that the budget goes on; the price of such a number is not even looked for."""
    llm = MeteredLlm(ScriptedBackend(lambda request: replying(tokens, 1)), "own", prices=PRICES)
    with pytest.raises(BackendError, match=r"backend 'own' counts more tokens") as caught:
        ask(llm)
    worst = input_bound(LlmRequest.of("why")) + 100
    total = llm.budget.total
    assert (caught.value.sort, total.tokens, total.nano_usd) == ("poison", worst, worst * 1000)
    assert (total.held_tokens, total.held_nano_usd, len(llm.calls)) == (0, 0, 1)


def test_a_price_that_cannot_be_told_is_the_worst_case() -> None:
    """Whatever goes wrong after the reply, what was set aside is settled."""

    class Broken:
        def worst_nano_usd(self, input_tokens: int, output_tokens: int) -> int:
            return 7

        def nano_usd(self, usage: Usage) -> int:
            raise OverflowError("too large")

    class Listed(Prices):
        def find(self, asked: PricedAs) -> Price:
            return Broken()

    llm = MeteredLlm(ScriptedBackend(lambda request: replying(1, 1)), "b", prices=Listed())
    with pytest.raises(OverflowError):
        ask(llm)
    assert (llm.budget.total.nano_usd, llm.budget.total.held_nano_usd) == (7, 0)


def test_the_bound_holds_everything_that_is_sent() -> None:
    """Each part of a request counts with its UTF-8 bytes at least."""
    plain = input_bound(LlmRequest.of("x"))
    assert input_bound(LlmRequest.of("x" + "é" * 100)) - plain == 200
    assert input_bound(LlmRequest.of("x", system="y" * 100)) - plain >= 100
    assert input_bound(LlmRequest.of("x", schema={"title": "z" * 100})) - plain >= 100
    assert input_bound(LlmRequest.of("x", tools=[Tool(name="t", description="d" * 100)])) - plain >= 100


#: What is longest in one way of writing JSON or another: a control character, an accent, a character outside the basic plane, HTML, ends of lines.
NASTY = "\x01é\U0001f600\ud800<&'\n\"\\"


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("for_html", [True, False])
def test_the_bound_holds_json_however_a_template_writes_it(
    indent: int | None, ascii_only: bool, for_html: bool
) -> None:
    """Tools with their descriptions and schemas, calls of them and what they answered: a byte of theirs can become six."""

    def written(value: Any) -> int:
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        if for_html:
            for each in "<>&'":
                text = text.replace(each, f"\\u{ord(each):04x}")
        return len(text.encode("utf-8", "replace"))

    name, text = NASTY * 20, NASTY * 500
    schema = {
        "type": "object",
        "properties": {f"{NASTY}{n}": {"type": "string", "enum": [NASTY] * 9} for n in range(20)},
    }
    tool = Tool(name=name, description=text, parameters=schema)
    function = {"name": tool.name, "description": tool.description, "parameters": schema}
    assert input_bound(LlmRequest.of("x", tools=[tool])) >= written({"type": "function", "function": function})
    assert input_bound(LlmRequest.of("x", schema=schema, schema_name=name)) >= written([name, schema])
    for arguments in (json.dumps({"a": text}), text, f"[{'1e15,' * 300}1]"):
        made = ChatMessage(role="assistant", content="", tool_calls=[ToolCall(id=name, name=name, arguments=arguments)])
        asked = {"id": name, "function": {"name": name, "arguments": arguments}}
        assert input_bound(LlmRequest(messages=[made])) >= written(asked)
        if indent is None and arguments is not text:
            assert input_bound(LlmRequest(messages=[made])) >= written(json.loads(arguments))
    answer = ChatMessage(role="tool", content=text, tool_call_id=name)
    assert input_bound(LlmRequest(messages=[answer])) >= written({"call_id": name, "content": text})


def test_the_bound_of_what_is_deep_is_quick() -> None:
    """A program in the sandbox sends what it likes: the indentation of deep JSON is counted, not written (it would be a gigabyte here)."""
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    began = time.process_time()
    assert input_bound(LlmRequest.of("x", tools=[Tool(name="t", parameters={"a": [deep] * 1500})])) > 900_000_000
    assert time.process_time() - began < 30
