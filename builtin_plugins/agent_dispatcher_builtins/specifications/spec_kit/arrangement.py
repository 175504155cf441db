"""The phases of ``tasks.md``: which there are, which tasks stand in them, and which come after which just by being there.

The rules of the format: phases follow each other as they are listed, except that user stories do not wait for each other. So set-up and foundation come
before every story, and polishing after all of them. What the section on dependencies says comes on top (see ``statements``).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..page import Page
from .references import PhaseName, story_numbers
from .tasklines import TaskLine
from .words import COMMON, FOUNDATION, PHASE_NAME, POLISH, SET_UP, STORY

__all__ = ["Phase", "arrange", "phase_name"]


@frozen(kw_only=True)
class Phase:
    """A phase with tasks in it.

    Attributes:
        title: unique in the file.
        tasks: positions of its tasks, in listed order.
        line: of its heading.
    """

    title: str
    tasks: tuple[int, ...]
    line: int
    name: PhaseName

    def precedes(self, later: Phase) -> bool:
        """Whether the format itself puts this phase before one that is listed behind it."""
        return not (self.name.story and later.name.story)


def arrange(page: Page, tasks: Sequence[TaskLine]) -> list[Phase]:
    """The phases in listed order, without those that hold no task."""
    members: dict[str, list[int]] = {}
    lines: dict[str, int] = {}
    headings = frozenset(task.block for task in tasks if task.heading)
    for index, task in enumerate(tasks):
        at = _phase_heading(page, task.block, headings)
        title = page.blocks[at].flat if at is not None else ""
        members.setdefault(title, []).append(index)
        lines.setdefault(title, page.blocks[at].line if at is not None else 1)
    return [
        Phase(title=title, tasks=tuple(indexes), line=lines[title], name=phase_name(title))
        for title, indexes in members.items()
    ]


def _phase_heading(page: Page, block: int, tasks: frozenset[int]) -> int | None:
    """The outermost heading that calls itself a phase (the page's title does not count); else the one of the second level; else the
    outermost below the title; else the title."""
    above = [index for index in page.above(block) if index not in tasks]
    lower = [index for index in above if page.blocks[index].level > 1]
    named = [index for index in lower if PHASE_NAME.search(page.blocks[index].text)]
    for found in (named, [index for index in lower if page.blocks[index].level == 2], lower, above):
        if found:
            return found[-1]
    return None


def phase_name(title: str) -> PhaseName:
    """What a heading says about its phase."""
    found = PHASE_NAME.search(title)
    number = (found["number"] or found["counted"] or found["before"] or "") if found else ""
    story = STORY.search(title)
    common = COMMON.search(title) or any(
        word.search(title, 0, story.start() if story else len(title)) for word in (SET_UP, FOUNDATION, POLISH)
    )
    return PhaseName(title=title, number=number, stories=story_numbers(title), story=bool(story) and not common)
