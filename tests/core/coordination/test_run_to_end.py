"""A program ends although something in it does not."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from agent_dispatcher.coordination.run_to_end import run_to_end


def test_a_thread_that_does_not_end_is_let_go() -> None:
    """What nobody waits for any more, such as an import, gets its grace; the loop goes on meanwhile, so that threads that need it can end."""
    release, begun = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        release.wait(60)

    async def main() -> str:
        job = asyncio.create_task(asyncio.to_thread(stuck))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        job.cancel()
        return "done"

    began = time.monotonic()
    try:
        assert run_to_end(main(), grace_s=0.1) == "done"
        assert time.monotonic() - began < 30
    finally:
        release.set()


def test_threads_that_end_in_time_are_waited_for() -> None:
    """They may still need the loop for it; what ``main`` raises comes out."""
    ended: list[str] = []

    async def nothing() -> str:
        return "from the loop"

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def last_words() -> None:
            time.sleep(0.05)
            ended.append(asyncio.run_coroutine_threadsafe(nothing(), loop).result(30))

        job = loop.run_in_executor(None, last_words)
        job.add_done_callback(lambda job: job.cancelled() or job.exception())
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        run_to_end(main(), grace_s=30.0)
    assert ended == ["from the loop"]
