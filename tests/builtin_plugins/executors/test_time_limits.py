"""Time limits with one timer for all."""

from __future__ import annotations

import asyncio
import time

import pytest

from agent_dispatcher_builtins.executors.time_limits import TimeLimits


async def limited(limits: TimeLimits, seconds: float, work_s: float) -> str:
    limit = limits.start(seconds)
    try:
        await asyncio.sleep(work_s)
        return "done"
    except asyncio.CancelledError:
        return "reached" if limit.reached else "cancelled"
    finally:
        limits.stop(limit)


def test_each_task_is_ended_at_its_own_limit() -> None:
    """Limits set in any order end just the tasks that take longer, the shortest first."""

    async def body() -> list[tuple[str, float]]:
        limits = TimeLimits()
        began = time.monotonic()

        async def one(seconds: float, work_s: float) -> tuple[str, float]:
            return await limited(limits, seconds, work_s), time.monotonic() - began

        return await asyncio.gather(one(0.3, 9), one(0.05, 9), one(5, 0.1), one(0.15, 9), one(0.2, 0.01))

    outcomes = asyncio.run(body())
    assert [word for word, _ in outcomes] == ["reached", "reached", "done", "reached", "done"]
    assert 0.05 <= outcomes[1][1] < 0.15 <= outcomes[3][1] < 0.3 <= outcomes[0][1] < 1.5


def test_a_cancellation_from_elsewhere_is_not_taken_for_the_limit() -> None:
    """Whoever cancels a task gets a cancelled task, not one that took too long."""

    async def body() -> str:
        job = asyncio.create_task(limited(TimeLimits(), 5, 9))
        await asyncio.sleep(0.01)
        job.cancel()
        return await job

    assert asyncio.run(body()) == "cancelled"


def test_what_has_ended_is_forgotten() -> None:
    """Tens of thousands of quick tasks with long limits leave no pile behind."""

    async def body() -> int:
        limits = TimeLimits()
        for _ in range(20_000):
            limits.stop(limits.start(300))
        return len(limits._waiting)

    assert asyncio.run(body()) <= 1001


@pytest.mark.parametrize("first_s", [0.02, 0.2])
def test_a_limit_holds_after_an_earlier_one_was_over(first_s: float) -> None:
    """The one timer is set again whether the earlier work ended by itself or by its limit."""

    async def body() -> str:
        limits = TimeLimits()
        await limited(limits, first_s, 0.05)
        return await limited(limits, 0.05, 9)

    assert asyncio.run(body()) == "reached"


def test_what_was_waited_is_added_to_the_limit() -> None:
    """Work that waited for something that does not count goes on for that much longer, and no longer."""

    async def body() -> tuple[str, float]:
        limits, began = TimeLimits(), time.monotonic()
        limit = limits.start(0.1, lambda now: min(now - began, 0.3))
        try:
            await asyncio.sleep(9)
            return "done", time.monotonic() - began
        except asyncio.CancelledError:
            return "reached" if limit.reached else "cancelled", time.monotonic() - began
        finally:
            limits.stop(limit)

    word, took_s = asyncio.run(body())
    assert word == "reached"
    assert 0.4 <= took_s < 8


def test_a_limit_is_set_when_work_first_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that waits for nothing gets none; other work has the time it took before its first wait taken off."""
    seconds: list[float] = []
    start = TimeLimits.start
    monkeypatch.setattr(TimeLimits, "start", lambda self, s, w: seconds.append(s) or start(self, s, w))

    async def work(waits_s: float) -> str:
        time.sleep(0.02)
        if waits_s:
            await asyncio.sleep(waits_s)
        return "done"

    async def body() -> None:
        limits = TimeLimits()
        assert await limits.hold(work(0), 1) == "done"
        assert seconds == []
        assert await limits.hold(work(0.001), 5) == "done"
        assert len(seconds) == 1 and seconds[0] <= 4.98
        with pytest.raises(TimeoutError):
            await limits.hold(work(9), 0.05)

    asyncio.run(body())


def test_what_the_work_waits_for_reaches_it() -> None:
    """Results, exceptions and cancellation come through to the work, and its own exceptions out of it."""

    async def body() -> list[str]:
        limits, seen = TimeLimits(), list[str]()
        loop = asyncio.get_running_loop()

        async def work() -> None:
            for _ in range(2):
                future: asyncio.Future[str] = loop.create_future()
                loop.call_soon(future.set_result, "a") if not seen else loop.call_soon(
                    future.set_exception, KeyError("b")
                )
                try:
                    seen.append(await future)
                except KeyError as error:
                    seen.append(str(error.args[0]))
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise ValueError("c") from None

        job = asyncio.ensure_future(limits.hold(work(), 9))
        loop.call_later(0.02, job.cancel)
        with pytest.raises(ValueError, match="c"):
            await job
        return seen

    assert asyncio.run(body()) == ["a", "b", "cancelled"]
