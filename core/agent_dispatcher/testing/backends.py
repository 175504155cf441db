"""What a backend of language models must keep to: replies that say what they cost, no blocking, and no retries of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..errors import BackendError
from ..extension.components import LlmBackend
from ..extension.llm import LlmReply, LlmRequest
from ..llm import input_bound
from .contract import Contract

__all__ = ["LlmBackendContract"]


class LlmBackendContract(Contract):
    """Subclass it and override :meth:`make_backend`, and :meth:`request` where the model needs to be asked in another way.

    A backend of a remote model is tried against a recorded or local server: the suite calls it about a dozen times.
    """

    def make_backend(self) -> LlmBackend:
        """A fresh backend that can answer at least twenty requests."""
        self.to_override("make_backend(self)")

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]] | None:
        """A backend whose every call fails at the other end, and a function that says how often the other end was called; ``None`` (the default) skips."""
        return None

    def make_slow(self) -> LlmBackend | None:
        """A backend whose other end takes ten seconds or more to answer; ``None`` (the default) skips."""
        return None

    def request(self, text: str) -> LlmRequest:
        """A request that asks ``text``."""
        return LlmRequest.of(text, max_output_tokens=64)

    def overhead_tokens(self) -> int:
        """Tokens the backend adds to every request beyond what :func:`agent_dispatcher.llm.input_bound` allows for."""
        return 0

    # --- promises -----------------------------------------------------------------------------------------------------

    def test_it_replies_with_text(self) -> None:
        """A reply is an ``LlmReply`` and has a text."""
        text = self._complete("Say something.").text
        self.promise(text, f"the text of the reply is {text!r}", "a reply has a text")

    def test_usage_is_told(self) -> None:
        """Every reply says how many tokens were read and written: whole numbers, above 0 for what was there."""
        usage = self._complete("Say something.").usage
        read, written = usage.input_tokens, usage.output_tokens
        sound = all(type(count) is int for count in (read, written)) and read > 0 and written > 0
        self.promise(
            sound,
            f"the usage of a reply is {(read, written)}",
            "usage is counted in whole tokens, without it nothing can be budgeted",
        )

    def test_usage_is_bounded_by_bytes(self) -> None:
        """The tokens read are at most what is reserved before a call (the request's UTF-8 bytes and room for a template) and the stated overhead."""
        for text in ("x", "word " * 200, "\U0001f600ü名" * 50):
            read = self._complete(text).usage.input_tokens
            most = input_bound(self.request(text)) + self.overhead_tokens()
            self.promise(
                read <= most,
                f"{read} tokens were read of a request that is bounded by {most}",
                "input is at most input_bound and overhead_tokens",
            )

    def test_longer_requests_are_not_cheaper(self) -> None:
        """A request that is ten times as long is not said to be smaller."""
        short, long = (self._complete("word " * size).usage.input_tokens for size in (10, 100))
        self.promise(long > short, f"10 words were {short} tokens, 100 words {long}", "usage is that of the request")

    def test_calls_run_side_by_side(self) -> None:
        """Several calls at once are all answered, and the event loop goes on meanwhile."""

        async def work() -> tuple[list[LlmReply], float]:
            backend, worst = self.make_backend(), 0.0

            async def tick() -> None:
                nonlocal worst
                while True:
                    before = time.monotonic()
                    await asyncio.sleep(0.01)
                    worst = max(worst, time.monotonic() - before - 0.01)

            ticking = asyncio.ensure_future(tick())
            replies = await asyncio.gather(*(backend.complete(self.request(f"Number {n}")) for n in range(4)))
            await asyncio.sleep(0.02)
            ticking.cancel()
            return list(replies), worst

        replies, worst = self.go(work())
        self.promise(
            len({id(reply) for reply in replies}) == 4,
            "calls at the same time got the same reply object",
            "each call has a reply of its own",
        )
        self.promise(
            worst < 1.0, f"the event loop stood still for {worst:.1f} seconds", "complete awaits, it does not block"
        )

    def test_failures_are_not_retried(self) -> None:
        """A failing call raises a ``BackendError`` after one try: retries are the dispatcher's, which counts what they cost."""
        made = self.make_failing()
        if made is None:
            self.skip("the suite has no failing backend (make_failing)")
        backend, calls = made
        try:
            self.go(backend.complete(self.request("Fail.")))
        except BackendError:
            self.promise(
                calls() == 1,
                f"one failing call reached the other end {calls()} times",
                "retries of its SDK are set to 0",
            )
        except AssertionError:
            raise
        except Exception as error:
            self.broken(
                f"a call that failed at the other end raised {type(error).__name__}: {error}",
                "a failure is a BackendError that says of which sort it is",
            )
        else:
            self.broken("a call that failed at the other end gave a reply", "a failure raises")

    def test_cancelling_ends_the_call(self) -> None:
        """A cancelled call ends at once and is passed on as cancelled."""
        backend = self.make_slow()
        if backend is None:
            self.skip("the suite has no slow backend (make_slow)")

        async def work() -> tuple[bool, float]:
            call = asyncio.ensure_future(backend.complete(self.request("Wait.")))
            await asyncio.sleep(0.1)
            begun = time.monotonic()
            call.cancel()
            await asyncio.wait({call}, timeout=5.0)
            return call.cancelled(), time.monotonic() - begun

        cancelled, took = self.go(work())
        self.promise(
            cancelled and took < 2.0,
            f"after {took:.1f} seconds a cancelled call was {'cancelled' if cancelled else 'not cancelled'}",
            "cancelling ends the call",
        )

    def _complete(self, text: str) -> LlmReply:
        reply = self.go(self.make_backend().complete(self.request(text)))
        self.promise(
            isinstance(reply, LlmReply), f"the reply is a {type(reply).__name__}", "complete gives an LlmReply"
        )
        return reply
