"""The tasks of ``tasks.md``: which lines are tasks, and what each line says.

A task is a check box with an id (``- [ ] T001 [P] [US1] text``), or a heading with an id (``#### T001: text [P]``). Other check boxes, ids in prose, fences,
comments and quotations are none. Check boxes and lines below a task belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve, frozen

from ..page import Block, Page
from .escapes import plain_title
from .references import TASK_ID
from .words import PHASE_NAME

__all__ = ["BOX", "DONE", "Box", "TaskLine", "find_tasks", "status_of"]

#: A check box at the beginning of a text.
BOX = re.compile(r"\s*\[\s?(?P<mark>[^\[\]\s\w]️?|[xXoO]|)\s?\](?=\s|\*|$)\s*")
#: Marks of a ticked box.
DONE = frozenset({"x", "X", "✓", "✔", "✔️", "√", "☑", "☑️", "✅"})
_RANGE = re.compile(rf"(?:[-‐‑–—~〜,&/]|to\b|through\b|and\b)\s*(?:{TASK_ID}|\d{{2,4}}\b)")
_ID = re.compile(
    rf"(?P<struck>~~)?[*_`]*(?:\[\s*(?P<bracketed>{TASK_ID})\s*\]|(?P<plain>{TASK_ID}))[*_`]*\s*(?:[:.)：|]|[-–—](?=\s))?[*_`]*\s*"
)
_LABEL = re.compile(
    r"[*_`]*(?:\[(?P<bracket>[^\[\]]{1,40})\](?!\()|(?P<parallel>\([Pp]\))|(?P<priority>P\d)\b|(?P<story>US-?\d{1,3})\b)[*_`]*[:,]?\s*"
)
_STORY = re.compile(
    r"(?:US|user\s+story|story|用户故事|ユーザーストーリー|사용자\s*스토리|hist\w+|истори\w+)\s*-?\s*(\d{1,3})",
    re.IGNORECASE,
)
_PRIORITY = re.compile(r"(?:priority:?\s*)?P(\d)", re.IGNORECASE)
_STANDS_APART = re.compile(r"^\s*(?:\*\*|__)[^*_\n]{1,60}(?:\*\*|__)?\s*[:：]|^\s*(?:\*\*|__)")
_EXAMPLE = re.compile(r"TaskID|\[ID\]|\bT[0X]*X\b|###", re.IGNORECASE)


@frozen(kw_only=True)
class Box:
    """A check box below a task."""

    text: str
    done: bool
    line: int


@frozen(kw_only=True)
class TaskLine:
    """A task as it is written.

    Attributes:
        id: as written, without brackets.
        title: its first line without box, id and labels.
        text: the whole of it, on one line.
        details: further lines below it, in order, with their line numbers.
        boxes: check boxes without an id below it.
        mark: what stands in its box; ``None`` without a box.
        parallel: whether it is marked ``[P]``.
        story: number of its user story.
        priority: 1 for P1.
        labels: other labels, as written.
        block: index of the block it was read from.
        heading: whether it is written as a heading.
        line: from 1.
    """

    id: str
    title: str
    text: str
    details: tuple[tuple[int, str], ...] = ()
    boxes: tuple[Box, ...] = ()
    mark: str | None = None
    parallel: bool = False
    story: int | None = None
    priority: int | None = None
    labels: tuple[str, ...] = ()
    block: int
    heading: bool = False
    line: int


def status_of(task: TaskLine) -> str:
    """``completed`` for a ticked box (without a box: when all boxes below are ticked), else ``pending``."""
    if task.mark is not None:
        return "completed" if task.mark in DONE else "pending"
    return "completed" if task.boxes and all(box.done for box in task.boxes) else "pending"


def find_tasks(page: Page) -> tuple[list[TaskLine], list[str]]:
    """The tasks in listed order, and what looks like one but is none, each with its place."""
    warnings: list[str] = []
    blocks = page.blocks
    found: dict[int, TaskLine] = {}
    for index, block in enumerate(blocks):
        if block.quoted or block.kind not in ("item", "heading"):
            continue
        task = _task(page, index, block, warnings)
        if task is not None:
            found[index] = task
    if not found:
        found = _without_boxes(page, warnings)
    boxed = {task.id for task in found.values() if not task.heading}
    for index, task in list(found.items()):
        if task.heading and task.id in boxed:  # the heading of a box's details
            del found[index]
    return _with_details(page, found, warnings), warnings


def _without_boxes(page: Page, warnings: list[str]) -> dict[int, TaskLine]:
    """In a file without any box: the items with an id that stand under a phase."""
    found: dict[int, TaskLine] = {}
    for index, block in enumerate(page.blocks):
        under = any(PHASE_NAME.search(page.blocks[each].text) for each in page.above(index))
        if block.kind == "item" and not block.quoted and under:
            task = _task(page, index, block, warnings, need_box=False)
            if task is not None:
                found[index] = task
    if found:
        warnings.append(f"{page.name}: no task has a check box, so nothing can be marked as done there")
    return found


def _task(page: Page, index: int, block: Block, warnings: list[str], need_box: bool = True) -> TaskLine | None:
    heading = block.kind == "heading"
    first, *rest = block.text.split("\n")
    box = BOX.match(first)
    if box is None and need_box and not heading:
        return None
    at = box.end() if box else 0
    name = _ID.match(first, at)
    if name is None or (heading and not (name["bracketed"] or name["plain"].startswith("T"))):
        return None
    where = page.where(block.line)
    task_id = name["bracketed"] or name["plain"]
    if _RANGE.match(first, name.end("bracketed") + 1 if name["bracketed"] else name.end("plain")):
        return None
    if name["struck"]:
        warnings.append(f"{where}: {task_id} is struck through, so it is not planned")
        return None
    parallel, story, priority, labels, text = _labels(first[name.end() :])
    mark = box["mark"] if box else None
    if mark and mark not in DONE:
        warnings.append(f"{where}: the box of {task_id} holds {mark!r}, which is taken for not done")
    lines = [text]
    apart: list[tuple[int, str]] = []
    for number, line in enumerate(rest, block.line + 1):
        if apart or _STANDS_APART.search(line):
            apart.append((number, line.strip()))
        else:
            lines.append(line)
    whole = plain_title(" ".join(" ".join(lines).split()))
    if not whole:
        warnings.append(f"{where}: {task_id} does not say what is to be done")
    return TaskLine(
        id=task_id,
        title=whole or task_id,
        text=whole,
        details=tuple(apart),
        mark=mark,
        parallel=parallel,
        story=story,
        priority=priority,
        labels=labels,
        block=index,
        heading=heading,
        line=block.line,
    )


def _labels(text: str) -> tuple[bool, int | None, int | None, tuple[str, ...], str]:
    """Labels in front of a text, and ``[P]`` at its end."""
    parallel, story, priority = False, None, None
    labels: list[str] = []
    while found := _LABEL.match(text):
        text = text[found.end() :]
        word = (found["bracket"] or found["priority"] or found["story"] or "").strip()
        of_story, of_priority = _STORY.fullmatch(word), _PRIORITY.fullmatch(word)
        if found["parallel"] or word in ("P", "p"):
            parallel = True
        elif of_story and story is None:
            story = int(of_story[1])
        elif of_priority and priority is None:
            priority = int(of_priority[1])
        else:
            labels.append(word)
    bare = text.rstrip(" \t*_`")
    if bare.lower().endswith(("[p]", "(p)")) and not _escaped(bare[:-3]):
        decorated = len(bare) < len(text.rstrip())
        parallel, text = True, bare[:-3].rstrip(" \t*_`" if decorated else " \t")
    return parallel, story, priority, tuple(labels), text.strip()


def _escaped(before: str) -> bool:
    """Whether a backslash makes plain text of what follows."""
    return bool((len(before) - len(before.rstrip("\\"))) % 2)


def _with_details(page: Page, found: dict[int, TaskLine], warnings: list[str]) -> list[TaskLine]:
    """The tasks with what stands below them; check boxes that belong to none are told, section by section."""
    details: dict[int, list[tuple[int, str]]] = {index: [] for index in found}
    boxes: dict[int, list[Box]] = {index: [] for index in found}
    strays: dict[int | None, list[Block]] = {}
    for index, block in enumerate(page.blocks):
        if index in found or block.quoted or block.kind in ("heading", "html"):
            continue
        owner = _owner(page, block, found)
        box = BOX.match(block.text) if block.kind == "item" else None
        if owner is None:
            if box is not None:
                strays.setdefault(block.heading, []).append(block)
            continue
        if box is not None and _EXAMPLE.search(block.text):
            continue
        if box is not None:
            text = block.flat[box.end() :].strip().removeprefix("\\")
            boxes[owner].append(Box(text=text, done=box["mark"] in DONE, line=block.line))
        elif block.kind != "fence":
            details[owner] += [(block.line + n, line.strip()) for n, line in enumerate(block.text.split("\n"))]
    for heading, stray in strays.items():
        title = page.blocks[heading].flat if heading is not None else ""
        warnings += _strays(page, title, stray)
    return [
        evolve(task, details=(*task.details, *details[index]), boxes=tuple(boxes[index]))
        for index, task in sorted(found.items())
    ]


def _owner(page: Page, block: Block, found: dict[int, TaskLine]) -> int | None:
    """The task a block stands below: the nearest item that is one, else the heading it stands directly under."""
    item = block.item
    while item is not None:
        if item in found:
            return item
        item = page.blocks[item].item
    return block.heading if block.heading in found else None


def _strays(page: Page, title: str, boxes: Sequence[Block]) -> list[str]:
    under = f' under "{title}"' if title else ""
    looks_like = [box for box in boxes if not _EXAMPLE.search(box.text)]
    if not looks_like:
        return []
    where = page.where(looks_like[0].line)
    if len(looks_like) == 1:
        return [f"{where}: a check box without a task id is no task{under}: {_short(looks_like[0].flat)}"]
    return [f"{where}: {len(looks_like)} check boxes without a task id are no tasks{under}"]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
