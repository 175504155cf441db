"""The plain form of an ``async`` verb: it runs to its end, and refuses where that would hold up an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..collecting import rare_collections
from ..coordination.run_to_end import run_to_end
from ..errors import UsageError

__all__ = ["block"]

_T = TypeVar("_T")


def block(verb: str, work: Coroutine[Any, Any, _T]) -> _T:
    """Run ``work`` to its end on a loop of its own.

    Raises:
        UsageError: there is a running event loop; ``verb`` with ``_async`` is what to await in it.
    """

    async def boxed() -> None:
        # a Runner spells out the result of its task when it gives the signal handler back: of a large plan that takes seconds
        results.append(await work)

    results: list[_T] = []
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with rare_collections():
            run_to_end(boxed())
        return results[0]
    work.close()
    raise UsageError(f"{verb}() would block the running event loop: await {verb}_async() instead")
