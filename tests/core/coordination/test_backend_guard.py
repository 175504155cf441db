"""A backend behind its throttle and circuit, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent_dispatcher.coordination.backend_guard import BackendGuard
from agent_dispatcher.coordination.circuit import Circuit, CircuitNews
from agent_dispatcher.coordination.throttle import Throttle
from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, Usage
from agent_dispatcher.llm import MeteredLlm
from agent_dispatcher.llm.metering import LlmCall
from agent_dispatcher.llm.waiting import WAITING, Waiting
from agent_dispatcher.testing.virtual_time import VirtualClock, VirtualLoop

REQUEST = LlmRequest(messages=(ChatMessage(role="user", content="hello"),), max_output_tokens=100)


class Server:
    """Answers, or fails as it is told to."""

    kind = "server"

    def __init__(self, *failures: BackendError | None) -> None:
        self.failures = list(failures)
        self.asked_at: list[float] = []

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.asked_at.append(asyncio.get_running_loop().time())
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return LlmReply(text="hi", usage=Usage(input_tokens=5, output_tokens=5))


def in_virtual_time(work: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(1, VirtualClock())) as runner:
        return runner.run(work())


def guard_of(server: Server, **options: Any) -> BackendGuard:
    return BackendGuard(server, "m", monotonic=asyncio.get_running_loop().time, **options)


def limited(after_s: float) -> BackendError:
    return BackendError("too fast", sort="rate_limit", retry_after_s=after_s)


def outage() -> BackendError:
    return BackendError("gone", sort="outage")


def test_a_refused_call_is_sent_again_when_the_server_said() -> None:
    """The agent notices nothing but the time, and the wait is not its attempt's."""

    async def work() -> tuple[Server, float]:
        await asyncio.sleep(7.0)
        server, waiting = Server(limited(10.0), limited(5.0)), Waiting()
        WAITING.set(waiting)
        began = asyncio.get_running_loop().time()
        reply = await guard_of(server).complete(REQUEST)
        assert reply.text == "hi"
        server.asked_at = [round(at - began, 6) for at in server.asked_at]
        return server, waiting.seconds(asyncio.get_running_loop().time())

    server, waited_s = in_virtual_time(work)
    assert server.asked_at[0] == 0.0
    assert server.asked_at[1] >= 10.0 and server.asked_at[1] + 5.0 <= server.asked_at[2]
    assert waited_s == pytest.approx(server.asked_at[2])


def test_a_call_whose_turn_would_be_too_late_frees_its_agent() -> None:
    """The failure is a rate limit that says when, and its place in line is nobody's."""

    async def work() -> None:
        server = Server(limited(20.0))
        guard = guard_of(server, patience_s=15.0)
        with pytest.raises(BackendError) as refused:
            await guard.complete(REQUEST)
        assert (refused.value.sort, refused.value.retry_after_s) == ("rate_limit", 20.0)
        with pytest.raises(BackendError, match="may be made in") as late:
            await guard.complete(REQUEST)
        assert late.value.sort == "rate_limit" and len(server.asked_at) == 1
        await asyncio.sleep(25.0)
        assert (await guard.complete(REQUEST)).text == "hi"

    in_virtual_time(work)


def test_who_does_not_wait_takes_nobodys_turn() -> None:
    """Calls that are not worth waiting for leave the line as they found it."""

    async def work() -> list[float | None]:
        guard = guard_of(Server(), throttle=Throttle(requests_per_minute=6), patience_s=5.0)
        await guard.complete(REQUEST)
        waits = []
        for _ in range(5):
            with pytest.raises(BackendError) as refused:
                await guard.complete(REQUEST)
            waits.append(refused.value.retry_after_s)
        return waits

    assert in_virtual_time(work) == pytest.approx([10.0] * 5, abs=0.1)


@pytest.mark.parametrize(("why", "left_s"), [("cancelled", 9.0), ("open", 0.0)])
def test_who_leaves_the_line_gives_the_turn_back(why: str, left_s: float) -> None:
    """Calls that are cancelled while they wait, or whose backend is away by then, delay nobody behind them."""

    async def work() -> float:
        loop = asyncio.get_running_loop()
        guard = guard_of(Server(), throttle=Throttle(requests_per_minute=6), circuit=Circuit(outages=1))
        await guard.complete(REQUEST)
        given_up = [asyncio.create_task(guard.complete(REQUEST)) for _ in range(3)]
        await asyncio.sleep(1.0)
        if why == "open":
            guard.circuit.failed(loop.time(), "outage", "gone", None)
            await asyncio.sleep(29.5)
        else:
            for call in given_up:
                call.cancel()
        ends = await asyncio.gather(*given_up, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError if why == "cancelled" else BackendError}
        guard.circuit.answered()
        began = loop.time()
        await guard.complete(REQUEST)
        return loop.time() - began

    assert in_virtual_time(work) == pytest.approx(left_s, abs=0.1)


@pytest.mark.parametrize(("sent", "tokens"), [(False, 0), (True, 100 + len("hello"))])
def test_a_call_that_was_never_sent_costs_nothing(sent: bool, tokens: int) -> None:
    """Cancelled in the line of the throttle it is billed nothing, and counts as not made; under way it may have been billed."""

    class Silent(Server):
        async def complete(self, request: LlmRequest) -> LlmReply:
            await super().complete(request)
            await asyncio.sleep(60.0)
            raise AssertionError("not reached")

    async def work() -> LlmCall:
        throttle = Throttle(requests_per_minute=6)
        if not sent:
            throttle.wait_s(asyncio.get_running_loop().time(), 1)
        llm = MeteredLlm(guard_of(Silent(), throttle=throttle), "m")
        call = asyncio.create_task(llm.complete(REQUEST))
        await asyncio.sleep(1.0)
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
        return llm.calls[0]

    call = in_virtual_time(work)
    assert call.error == ("CancelledError" if sent else "not_made")
    assert call.tokens >= tokens if sent else call.tokens == 0


def test_the_circuit_opens_is_tried_again_and_closed() -> None:
    """Outages in a row: calls fail at once without the server being asked; after the wait an answer closes it; everybody is told."""

    async def work() -> list[tuple[str, CircuitNews]]:
        news: list[tuple[str, CircuitNews]] = []
        server = Server(outage(), outage(), outage())
        guard = guard_of(server, circuit=Circuit(outages=2, first_wait_s=5.0))
        guard.attach(lambda name, one: news.append((name, one)))
        for _ in range(4):
            with pytest.raises(BackendError) as error:
                await guard.complete(REQUEST)
            assert error.value.sort == "outage"
        assert len(server.asked_at) == 2
        await asyncio.sleep(5.1)
        with pytest.raises(BackendError, match="gone"):
            await guard.complete(REQUEST)
        await asyncio.sleep(10.1)
        assert (await guard.complete(REQUEST)).text == "hi"
        guard.detach()
        return news

    assert in_virtual_time(work) == [
        ("m", CircuitNews("open", "gone", 5.0)),
        ("m", CircuitNews("half_open")),
        ("m", CircuitNews("open", "gone", 10.0)),
        ("m", CircuitNews("half_open")),
        ("m", CircuitNews("closed")),
    ]


@pytest.mark.parametrize("sort", ["permanent", "poison", "transient"])
def test_other_failures_are_the_attempts_business(sort: str) -> None:
    """They reach the agent at once, and neither pace nor circuit change."""

    async def work() -> None:
        guard = guard_of(Server(BackendError("no", sort=sort)), circuit=Circuit(outages=1))
        with pytest.raises(BackendError) as error:
            await guard.complete(REQUEST)
        assert (error.value.sort, guard.throttle.pace, guard.circuit.state) == (sort, 1.0, "closed")

    in_virtual_time(work)


def test_many_at_once_keep_to_the_limit_and_all_are_answered() -> None:
    """Forty calls against a server that takes sixty a minute and refuses what is faster: each is answered, in bounded time."""

    async def work() -> float:
        loop = asyncio.get_running_loop()
        taken: list[float] = []

        class Strict(Server):
            async def complete(self, request: LlmRequest) -> LlmReply:
                now = loop.time()
                if sum(at > now - 10.0 for at in taken) >= 10:
                    raise limited(min(at for at in taken if at > now - 10.0) + 10.0 - now)
                taken.append(now)
                return await super().complete(request)

        began = loop.time()
        guard = guard_of(Strict(), throttle=Throttle(), patience_s=600.0)
        replies = await asyncio.gather(*(guard.complete(REQUEST) for _ in range(40)))
        assert [reply.text for reply in replies] == ["hi"] * 40
        return loop.time() - began

    assert 30.0 <= in_virtual_time(work) <= 120.0


def test_waits_at_the_same_time_count_once() -> None:
    """An attempt whose two calls wait beside each other waited as long as the longer."""
    waiting = Waiting()
    waiting.begin(0.0)
    waiting.begin(1.0)
    waiting.end(3.0)
    assert waiting.seconds(4.0) == 4.0
    waiting.end(5.0)
    assert waiting.seconds(9.0) == 5.0


def test_what_else_a_backend_has_is_there() -> None:
    """Whoever asks the guard for an attribute of the backend gets it."""
    assert BackendGuard(Server(), "m").kind == "server"
