""":func:`asyncio.run` for programs that may not wait for ever for an agent that does not end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["run_to_end"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def run_to_end(main: Coroutine[Any, Any, _T], *, grace_s: float = 2.0) -> _T:
    """Run ``main`` on a loop of its own. Tasks that are left then are cancelled, and have ``grace_s`` to end, and so have its threads; what is there
    after that is let go with a warning, where :func:`asyncio.run` would wait for it. Threads that were let go are still waited for by Python's own end.
    """
    with asyncio.Runner() as runner:
        loop, threads = runner.get_loop(), ThreadPoolExecutor(thread_name_prefix="asyncio")
        loop.set_default_executor(threads)
        try:
            return runner.run(main)
        finally:
            loop.run_until_complete(_end_others(grace_s))
            loop.run_until_complete(_end_threads(threads, grace_s))
            loop.set_default_executor(ThreadPoolExecutor(1))  # it has no thread, so nobody waits for one


async def _end_others(grace_s: float) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if not others:
        return
    _, late = await asyncio.wait(others, timeout=grace_s)
    for task in late:
        log.warning("%s did not end within %g s of being told to and was let go", task.get_name(), grace_s)
        asyncio._unregister_task(task)
        task._log_destroy_pending = False  # type: ignore[attr-defined]


async def _end_threads(threads: ThreadPoolExecutor, grace_s: float) -> None:
    closing = threading.Thread(target=threads.shutdown, name="asyncio_closing", daemon=True)
    closing.start()
    loop = asyncio.get_running_loop()
    until = loop.time() + grace_s
    while closing.is_alive():
        if loop.time() > until:
            log.info("what runs in threads did not end within %g s and was let go", grace_s)
            return
        await asyncio.sleep(0.005)
