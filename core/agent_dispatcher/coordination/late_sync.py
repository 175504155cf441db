"""Flushing the disk beside the loop: what a turn decided is carried out when its record is safe against power cuts, and everything else goes on meanwhile.

A turn is committed at once, which makes it safe against the death of the process, and flushed in a thread. What turns commit while a flush is under way shares the next
one. Where nothing could go on meanwhile, nobody waits for a thread: the turn is flushed on the spot.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import define

from .transitions import Finish

__all__ = ["Due", "LateSync", "Published", "go_on"]

#: Who waits until a message is recorded, its number, topic and payload, and when it was published.
Published = tuple["asyncio.Future[None]", int, str, Any, float]


@define
class Due:
    """What follows from a turn, once it is recorded.

    Attributes:
        awaited: who waits for the record.
        published: messages to hand out.
        starts: the announced attempts that begin.
        patched: the plan was changed.
        finish: how the run ends.
    """

    awaited: list[asyncio.Future[None]]
    published: list[Published]
    starts: Sequence[Any] = ()
    patched: bool = False
    finish: Finish | None = None

    def cancel(self) -> None:
        """Nothing follows any more."""
        for future in (*self.awaited, *(published[0] for published in self.published)):
            future.cancel()


def go_on(awaited: Iterable[asyncio.Future[None]]) -> None:
    """Let those go on that waited for the record."""
    for future in awaited:
        if not future.done():
            future.set_result(None)


class LateSync:
    """Holds what follows from turns until they are flushed, in their order.

    Args:
        flush: has the disk flushed; called in a thread, one call at a time.
        act: carries out what follows from a turn.
        broken: told the error when that fails; nothing is carried out any more then.
    """

    def __init__(
        self, flush: Callable[[], None], act: Callable[[Due], None], broken: Callable[[BaseException], None]
    ) -> None:
        self._flush = flush
        self._act = act
        self._broken = broken
        self._held: deque[Due] = deque()
        self._covered = 0
        self._job: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")

    def hold(self, due: Due) -> None:
        """Carry it out when a flush that begins from now on is over."""
        self._held.append(due)
        if self._job is None:
            self._begin()

    def release(self) -> None:
        """Everything that was committed is on the disk: carry out all that is held."""
        self._covered = 0
        while self._held:
            self._act(self._held.popleft())

    async def aclose(self, timeout_s: float) -> list[Due]:
        """Carry nothing out any more, and wait for the flush that is under way; returns what was held."""
        held = list(self._held)
        self._held.clear()
        job, self._job = self._job, None
        if job is not None:
            await asyncio.wait([job], timeout=timeout_s)
        self._thread.shutdown(wait=False)
        return held

    def _begin(self) -> None:
        self._covered = len(self._held)
        self._job = asyncio.get_running_loop().run_in_executor(self._thread, self._flush)
        self._job.add_done_callback(self._over)

    def _over(self, job: asyncio.Future[None]) -> None:
        error = None if job.cancelled() else job.exception()
        if job is not self._job:
            return  # closed meanwhile
        self._job = None
        try:
            if error is not None:
                raise error
            while self._covered and self._held:
                self._covered -= 1
                self._act(self._held.popleft())
            if self._held:
                self._begin()
        except BaseException as raised:
            self._broken(raised)
