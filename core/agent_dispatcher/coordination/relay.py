"""Runs many short pieces of work, each as if in an asyncio task of its own; those that wait for nothing share one.

A task costs more than many a piece of work that ends without waiting. So one task takes up one piece after the other. As soon as a piece waits for
something, the task is that piece's alone from then on, and each of those left gets a task of its own. A piece cannot tell the difference:
``current_task()`` is a task that works on nothing else until the piece ends, to cancel it ends this piece alone, and what the piece sets in
context variables no other piece sees. What follows from pieces that waited for nothing can be done in their task too, without another turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextvars import copy_context
from types import coroutine
from typing import Any, Generic, TypeVar

__all__ = ["Relay"]

T = TypeVar("T")


class Relay(Generic[T]):
    """Begins pieces of work.

    Args:
        work: carries a piece out, in the task it is given too; must not raise.
        waits: told of a piece that waits for something, before anything else happens.
        after: called in the task that carried pieces out, when all of them ended without waiting; may wait, must not raise.
    """

    def __init__(
        self,
        work: Callable[[T, asyncio.Task[None]], Coroutine[Any, Any, None]],
        *,
        waits: Callable[[T], None] | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._work = work
        self._waits = waits
        self._after = after
        self._due: set[asyncio.Task[None]] = set()

    def begin(self, pieces: Iterable[T]) -> None:
        """Begin these with the next turn of the running loop, in their order."""
        waiting = deque(pieces)
        if waiting:
            self._due.add(asyncio.get_running_loop().create_task(self._run(waiting)))

    @property
    def due(self) -> frozenset[asyncio.Task[None]]:
        """Tasks that have yet to begin their first piece."""
        return frozenset(self._due)

    async def _run(self, waiting: deque[T]) -> None:
        """Carry out what waits; what is left when that cannot be done here, elsewhere."""
        task = asyncio.current_task()
        assert task is not None
        self._due.discard(task)
        waited = False
        while waiting and not task.cancelling():  # a piece that cancelled itself means no other
            waited = await self._carry(waiting.popleft(), task, waiting)
        self._spread(waiting)
        if self._after is not None and not waited and not task.cancelling():
            await self._after()

    @coroutine
    def _carry(self, piece: T, task: asyncio.Task[None], others: deque[T]) -> Generator[Any, Any, bool]:
        """Carry one piece out; whether it waited. When it waits for something, ``others`` are sent elsewhere."""
        run, work, waited = copy_context().run, self._work(piece, task), False
        try:
            awaited = run(work.send, None)
            waited = True
            if self._waits is not None:
                self._waits(piece)
            self._spread(others)
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:
                    awaited = run(work.throw, error)
                else:
                    awaited = run(work.send, sent)
        except StopIteration:
            return waited

    def _spread(self, waiting: deque[T]) -> None:
        """Begin each of these in a task of its own."""
        while waiting:
            self.begin((waiting.popleft(),))
