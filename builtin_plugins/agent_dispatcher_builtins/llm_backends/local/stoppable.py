"""Work that blocks, in a thread that nobody has to wait for: whoever stops waiting tells it so, and the process can end while it still hangs at a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

__all__ = ["run_stoppable"]


async def run_stoppable(work: Callable[[threading.Event], None], timeout_s: float | None) -> None:
    """Until ``work`` ends; it is given what is set when nobody waits any more, and is expected to look at it.

    Raises:
        TimeoutError: it did not end in time.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    stop = threading.Event()

    def settle(error: Exception | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work(stop)
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has gone, and so has whoever waited
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="model-download", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            await ended
    finally:
        stop.set()
