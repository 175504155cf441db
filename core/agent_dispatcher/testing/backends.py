"""What a backend of language models must keep to: replies that say what they cost, no blocking, and no retries of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ..extension.components import LlmBackend
from .contract import Contract

__all__ = ["LlmBackendContract"]


class LlmBackendContract(Contract):
    """Subclass it and override :meth:`make_backend`, and the readers below where requests and replies look otherwise.

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

    def request(self, text: str) -> Any:
        """A request that asks ``text``."""
        return text

    def text_of(self, reply: Any) -> str:
        """The text of a reply."""
        return str(reply.text)

    def tokens_of(self, reply: Any) -> tuple[int, int]:
        """Tokens read and tokens written, as the reply says."""
        return reply.input_tokens, reply.output_tokens

    def overhead_tokens(self) -> int:
        """Tokens the backend adds to every request (a system text, a chat template)."""
        return 64

    # --- promises -----------------------------------------------------------------------------------------------------

    def test_it_replies_with_text(self) -> None:
        """A reply has a text."""
        reply = self._complete("Say something.")
        try:
            text = self.text_of(reply)
        except AttributeError as error:
            self.broken(f"the reply has no text: {error}", "a reply has a text")
        self.promise(text, f"the text of the reply is {text!r}", "a reply has a text")

    def test_usage_is_told(self) -> None:
        """Every reply says how many tokens were read and written: whole numbers, above 0 for what was there."""
        reply = self._complete("Say something.")
        try:
            read, written = self.tokens_of(reply)
        except (AttributeError, TypeError, ValueError) as error:
            self.broken(f"the reply does not say what it used: {error}", "complete gives one reply with its usage")
        sound = all(type(count) is int for count in (read, written)) and read > 0 and written > 0
        self.promise(
            sound,
            f"the usage of a reply is {(read, written)}",
            "usage is counted in whole tokens, without it nothing can be budgeted",
        )

    def test_usage_is_bounded_by_bytes(self) -> None:
        """The tokens read are at most the request's UTF-8 bytes and the stated overhead: that is what is reserved before a call."""
        for text in ("x", "word " * 200, "\U0001f600ü名" * 50):
            read, _ = self.tokens_of(self._complete(text))
            most = len(text.encode()) + self.overhead_tokens()
            self.promise(
                read <= most,
                f"{read} tokens were read of {len(text.encode())} bytes",
                "input is at most its UTF-8 bytes and overhead_tokens",
            )

    def test_longer_requests_are_not_cheaper(self) -> None:
        """A request that is ten times as long is not said to be smaller."""
        short, long = (self.tokens_of(self._complete("word " * size))[0] for size in (10, 100))
        self.promise(long > short, f"10 words were {short} tokens, 100 words {long}", "usage is that of the request")

    def test_calls_run_side_by_side(self) -> None:
        """Several calls at once are all answered, and the event loop goes on meanwhile."""

        async def work() -> tuple[list[Any], float]:
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
            worst < 0.5, f"the event loop stood still for {worst:.1f} seconds", "complete awaits, it does not block"
        )

    def test_failures_are_not_retried(self) -> None:
        """A failing call raises after one try: retries are the dispatcher's, which counts what they cost."""
        made = self.make_failing()
        if made is None:
            self.skip("the suite has no failing backend (make_failing)")
        backend, calls = made
        try:
            self.go(backend.complete(self.request("Fail.")))
        except AssertionError:
            raise
        except Exception:
            self.promise(
                calls() == 1,
                f"one failing call reached the other end {calls()} times",
                "retries of its SDK are set to 0",
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

    def _complete(self, text: str) -> Any:
        return self.go(self.make_backend().complete(self.request(text)))
