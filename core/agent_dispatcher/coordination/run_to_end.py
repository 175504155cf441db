""":func:`asyncio.run` for programs that may not wait for ever for an agent that does not end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run_to_end"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def run_to_end(main: Coroutine[Any, Any, _T], *, grace_s: float = 2.0) -> _T:
    """Run ``main`` on a loop of its own. Tasks that are left then are cancelled, and have ``grace_s`` to end; what is there after that is
    let go with a warning, where :func:`asyncio.run` would wait for it."""
    with asyncio.Runner() as runner:
        try:
            return runner.run(main)
        finally:
            runner.get_loop().run_until_complete(_end_others(grace_s))


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
