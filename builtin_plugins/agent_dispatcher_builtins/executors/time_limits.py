"""Limits on how long tasks of an event loop may take, with one timer for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from heapq import heapify, heappop, heappush
from types import coroutine
from typing import Any, TypeVar

from attrs import define, field

__all__ = ["Limit", "TimeLimits"]

T = TypeVar("T")

#: So many limits of work that has ended may wait to be forgotten.
_SPARE = 1000


def _nothing(now: float) -> float:
    return 0.0


@define(eq=False)
class Limit:
    """The limit of one piece of work.

    Attributes:
        task: cancelled when the time is up.
        cancelling: how often the task had been asked to cancel when the limit was set, so that its own request can be told from others'.
        reached: the time is up.
        over: the work has ended.
        waited_s: of the time until a moment, what does not count; ``granted_s`` was added for it already.
    """

    task: asyncio.Task[object]
    cancelling: int
    waited_s: Callable[[float], float]
    reached: bool = False
    over: bool = False
    granted_s: float = 0.0


@define(eq=False)
class TimeLimits:
    """What :func:`asyncio.timeout` does, for thousands of tasks a second: it arms a timer of the loop for each, and nearly none of them ever fires.

    Here the earliest limit alone has a timer. Belongs to one event loop at a time; of another one it begins anew.
    """

    _waiting: list[tuple[float, int, Limit]] = field(factory=list)
    _count: int = 0
    _active: int = 0
    _timer: asyncio.TimerHandle | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def start(self, seconds: float, waited_s: Callable[[float], float] = _nothing) -> Limit:
        """Limit the running task from now on; it is cancelled after ``seconds``, and as many as it ``waited_s``, unless the limit is over by then."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        limit = Limit(task, task.cancelling(), waited_s)
        if loop is not self._loop:
            self._loop, self._timer, self._waiting, self._active = loop, None, [], 0
        until = loop.time() + seconds
        self._count += 1
        self._active += 1
        heappush(self._waiting, (until, self._count, limit))
        timer = self._timer
        if timer is None or until < timer.when():
            self._arm(loop)
        return limit

    @coroutine
    def hold(
        self, work: Coroutine[Any, Any, T], seconds: float, waited_s: Callable[[float], float] = _nothing
    ) -> Generator[Any, Any, T]:
        """The result of ``work``, which is limited as by :meth:`start`. As long as it waits for nothing it cannot be ended, and needs no limit.

        Raises:
            TimeoutError: it was ended by its limit.
        """
        clock = (
            asyncio.get_running_loop().time
        )  # what limits are measured by, also where a test's loop has a time of its own
        began = clock()
        try:
            awaited = work.send(None)
        except StopIteration as ended:
            result: T = ended.value
            return result
        limit = self.start(seconds + began - clock(), waited_s)
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:
                    awaited = work.throw(error)
                else:
                    awaited = work.send(sent)
        except StopIteration as ended:
            result = ended.value
            return result
        except asyncio.CancelledError:
            if limit.reached and limit.task.uncancel() == limit.cancelling:
                raise TimeoutError from None
            raise
        finally:
            self.stop(limit)

    def stop(self, limit: Limit) -> None:
        """The work has ended, one way or another."""
        limit.over = True
        self._active -= 1
        if len(self._waiting) > 2 * self._active + _SPARE:  # else what has ended would be kept until its time is up
            self._waiting = [each for each in self._waiting if not each[2].over]
            heapify(self._waiting)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._waiting[0][0], self._due, loop)

    def _due(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what has taken too long, forget what has ended, and wait for the next."""
        now = loop.time()
        waiting = self._waiting
        while waiting and (waiting[0][2].over or waiting[0][0] <= now):
            until, _, limit = heappop(waiting)
            if limit.over:
                continue
            more_s = limit.waited_s(now) - limit.granted_s
            if more_s > 0:
                limit.granted_s += more_s
                self._count += 1
                heappush(waiting, (until + more_s, self._count, limit))
                continue
            limit.reached = True
            limit.task.cancel()
        self._timer = None
        if waiting:
            self._arm(loop)
