"""The final checks of a run can take as long as a whole test suite: whoever wants the run to stop meanwhile does not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..models import Evidence
from .transitions import Stop

__all__ = ["FinalChecks"]


class FinalChecks:
    """Runs the final checks of one run, once, and breaks them off.

    Args:
        grace_s: seconds they may take to end when they are broken off; then they are left behind.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._broken_off: asyncio.Future[Stop] | None = None
        self._closed = False

    def stop(self, stop: Stop) -> bool:
        """Break them off, now or as soon as they begin; ``False`` where they are over, or ``stop`` lets what is in progress end."""
        if stop.how == "drain" or not self._is_open():
            return False
        self._waited_for().set_result(stop)
        return True

    def fail(self, error: BaseException) -> None:
        """The run cannot go on: let :meth:`run` raise ``error``."""
        if self._is_open():
            self._waited_for().set_exception(error)

    async def run(self, checks: Coroutine[Any, Any, tuple[Evidence, ...]]) -> tuple[Evidence, ...] | Stop:
        """The evidence, or what the run was told meanwhile; then (and when this call is cancelled) the checks and their processes have been ended."""
        broken_off = self._waited_for()
        checking = asyncio.ensure_future(checks)
        try:
            await asyncio.wait((checking, broken_off), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not checking.done():
                checking.cancel()
                await asyncio.wait((checking,), timeout=self._grace_s)
            if checking.done() and not checking.cancelled():
                checking.exception()  # looked at: it may not be what this call says
        return broken_off.result() if broken_off.done() else checking.result()

    def close(self) -> None:
        """They are over, or there will be none: nothing breaks them off any more."""
        self._closed = True
        if self._broken_off is not None and self._broken_off.done():
            self._broken_off.exception()

    def _is_open(self) -> bool:
        return not self._closed and (self._broken_off is None or not self._broken_off.done())

    def _waited_for(self) -> asyncio.Future[Stop]:
        if self._broken_off is None:
            self._broken_off = asyncio.get_running_loop().create_future()
        return self._broken_off
