"""Pieces of work that share a task cannot tell: waiting, cancelling, time limits and context variables are each piece's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from agent_dispatcher.coordination.relay import Relay

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")

Body = Callable[["Course"], Coroutine[Any, Any, None]]


class Course:
    """What the pieces of one test did, in order, and in which task each began."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.tasks: list[asyncio.Task[Any] | None] = []

    def note(self, text: str) -> None:
        self.noted.append(text)
        self.tasks.append(asyncio.current_task())


def carry_out(*bodies: Body, meanwhile: Callable[[Course], Awaitable[None]] | None = None) -> Course:
    """Begin the pieces together and wait until nothing is left of them."""
    course = Course()

    async def whole() -> None:
        Relay[Body](lambda body, task: body(course)).begin(bodies)
        if meanwhile is not None:
            await meanwhile(course)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    asyncio.run(whole())
    return course


def instant(name: str) -> Body:
    async def body(course: Course) -> None:
        course.note(name)

    return body


def waiting(name: str, turns: int = 1) -> Body:
    async def body(course: Course) -> None:
        course.note(name)
        for _ in range(turns):
            await asyncio.sleep(0)
        course.note(f"{name} again")

    return body


def test_pieces_that_wait_for_nothing_share_one_task_in_their_order() -> None:
    """Three pieces that never wait are begun in their order by one task."""
    course = carry_out(instant("a"), instant("b"), instant("c"))
    assert course.noted == ["a", "b", "c"]
    assert len(set(course.tasks)) == 1


def test_a_piece_that_waits_has_the_task_to_itself() -> None:
    """What comes after a piece that waits is begun in the next turn, each in a task of its own, and nobody waits for it to end."""
    course = carry_out(instant("a"), waiting("b", turns=5), instant("c"), waiting("d"))
    assert course.noted == ["a", "b", "c", "d", "d again", "b again"]
    of = dict(zip(course.noted, course.tasks, strict=True))
    assert of["a"] is of["b"] is of["b again"]
    assert len({of["b"], of["c"], of["d"]}) == 3


def test_a_piece_is_told_its_task() -> None:
    """What a piece is given is the task that it is in, shared or its own."""
    told: list[bool] = []

    async def whole() -> None:
        async def piece(turns: int, task: asyncio.Task[None]) -> None:
            await waiting("", turns)(Course())
            told.append(task is asyncio.current_task())

        Relay(piece).begin((0, 1, 0))
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    asyncio.run(whole())
    assert told == [True] * 3


@pytest.mark.parametrize(
    ("last", "follows"), [(instant("b"), True), (waiting("b"), False)], ids=["none waits", "one waits"]
)
def test_what_follows_is_done_in_the_task_of_pieces_that_waited_for_nothing(last: Body, follows: bool) -> None:
    """Once, when all of them are over and in the same turn of the loop; not where the task was one piece's alone, or is to be cancelled."""

    async def whole() -> Course:
        course = Course()

        async def after() -> None:
            course.note("after")

        relay = Relay[Body](lambda body, task: body(course), after=after)
        relay.begin((instant("a"), last))
        await asyncio.sleep(0)
        course.note("next turn")
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        return course

    course = asyncio.run(whole())
    assert course.noted[:3] == (["a", "b", "after"] if follows else ["a", "b", "next turn"])
    assert course.noted.count("after") == follows
    if follows:
        assert len(set(course.tasks[:3])) == 1


def test_nothing_put_is_nothing_begun() -> None:
    """No task is made for no piece, and those made are due until they begin."""

    async def whole() -> tuple[int, int, int]:
        course = Course()
        relay = Relay[Body](lambda body, task: body(course))
        relay.begin(())
        before = len(relay.due)
        relay.begin((instant("a"), instant("b")))
        made = len(relay.due)
        await asyncio.sleep(0)
        return before, made, len(relay.due)

    assert asyncio.run(whole()) == (0, 1, 0)


@pytest.mark.parametrize("turns", [0, 1])
def test_context_variables_are_a_pieces_own(turns: int) -> None:
    """What a piece sets it still sees after waiting, as do the tasks it makes; no other piece sees it, also in the same task."""

    def setting(name: str) -> Body:
        async def body(course: Course) -> None:
            course.note(WHO.get())
            WHO.set(name)
            for _ in range(turns):
                await asyncio.sleep(0)
            course.note(WHO.get())
            asyncio.get_running_loop().call_soon(lambda: course.note(f"made by {WHO.get()}"))

        return body

    course = carry_out(setting("a"), setting("b"))
    assert sorted(["nobody", "nobody", "a", "b", "made by a", "made by b"]) == sorted(course.noted)


def test_a_time_limit_ends_its_own_piece_alone() -> None:
    """``asyncio.timeout`` works in a piece as in a task, and those that share the task with it go on."""

    async def limited(course: Course) -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            course.note("time is up")

    assert carry_out(instant("a"), limited, instant("b")).noted == ["a", "b", "time is up"]


def test_to_cancel_a_pieces_task_ends_that_piece_alone() -> None:
    """The task that a waiting piece shows as its own can be cancelled; nobody else hears of it."""

    async def stubborn(course: Course) -> None:
        course.note("begun")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            course.note("cancelled")

    async def cancel(course: Course) -> None:
        while "b" not in course.noted:
            await asyncio.sleep(0)
        task = course.tasks[course.noted.index("begun")]
        assert task is not None
        task.cancel()

    course = carry_out(instant("a"), stubborn, waiting("b", turns=3), meanwhile=cancel)
    assert course.noted == ["a", "begun", "b", "cancelled", "b again"]


def test_a_piece_that_cancels_itself_and_ends_means_no_other() -> None:
    """A request to cancel that a piece leaves behind is not felt by those that were to come after it in the same task."""

    async def ending(course: Course) -> None:
        course.note("ending")
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    assert carry_out(ending, waiting("b")).noted == ["ending", "b", "b again"]


def test_a_task_group_works_in_a_piece() -> None:
    """A group's failing member ends the piece that waits for the group, with its error."""

    async def failing() -> None:
        raise ValueError("no")

    async def grouped(course: Course) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(failing())
        except* ValueError:
            course.note("caught")

    assert carry_out(instant("a"), grouped, instant("b")).noted == ["a", "b", "caught"]
