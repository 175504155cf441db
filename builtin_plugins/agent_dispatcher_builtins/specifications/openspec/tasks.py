"""From ``tasks.md`` of a change to tasks.

Every check box is a task. So is a heading ``## Task 3: ...`` where such headings have lines that say what they depend on, or no boxes; boxes below it are its
parts. A list without any box is read by its numbered items, or else by its items. Where nothing is said about order, the place in the list speaks (:mod:`.order`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from agent_dispatcher.models import PhaseOrder, Task, TaskPhase

from ..checklist import Checklist, Detail, Entry, read_checklist, shortened
from ..checklist_tasks import Plain, drawn_up, groups_of, statuses_of
from ..page import Page
from ..stated_orders import Names, StatedOrders, is_order_line, references, stated_orders
from .order import by_groups, one_by_one

__all__ = ["TaskList", "read_tasks"]

_TASK_HEADING = re.compile(
    r"^(?P<mark>\[[ xX]\]|✅|☑️?|✔️?)?[\W_]*(?:task|タスク|任务|任務|작업|tarefa|задача)\s*#?\s*(?P<number>\d{1,5}(?:\.\d{1,5})*[a-z]?)\s*[:：.)—–-]*\s*(?P<title>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_DONE = re.compile(
    r"[\s(\[—–-]*(?:✅|☑️?|✔️?|\((?:done|completed?)\)|\[(?:done|completed?)\])[\s✅]*(?:completed?|done)?\s*$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(?P<number>\d{1,5}(?:\.\d{1,5})+[a-z]?|\d{1,5}(?=[.)]))[.):]?\s+(?P<title>\S.*)$", re.DOTALL)
_GROUP_NUMBER = re.compile(
    r"^[\W_]*(?:(?:phase|group|section|step|stage|part|フェーズ|阶段|階段|단계|этап|fase)\s*)?(?P<number>\d{1,4})\b",
    re.IGNORECASE,
)
_DEPENDENCIES = re.compile(r"dependenc|execution\s+order|依存|依赖|依賴|의존|зависимост|dependênc", re.IGNORECASE)
_GROUP_WORD = r"(?:phases?|groups?|sections?|steps?|stages?|parts?|フェーズ|阶段|階段|단계|этап\w*|fases?)"
_STATEMENT = re.compile(
    rf"^[\s*_`]*(?P<word>{_GROUP_WORD}|tasks?)?\s*[`*_]*(?P<left>\d{{1,4}}(?:\.\d{{1,4}})*)[`*_]*[^\n.]{{0,60}}?\s*\b(?:depends?\s+on|requires|must\s+come\s+after|comes\s+after|is\s+blocked\s+by|blocked\s+by|needs)\s*:?\s*(?P<right>.*)$",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(?:no|not|none|may|might|if|optional(?:ly)?|could|ideally|independent(?:ly)?|parallel)\b", re.IGNORECASE
)
_LONGEST = 2000


@frozen(kw_only=True)
class TaskList:
    """What ``tasks.md`` says; ``phases`` are its groups, as far as they are in an order."""

    tasks: tuple[Task, ...] = ()
    phases: tuple[TaskPhase, ...] = ()
    warnings: tuple[str, ...] = ()


def read_tasks(text: str, name: str, order: str = "groups") -> TaskList:
    """Read the list.

    Args:
        text: of the file.
        name: what places call it.
        order: what the place in the list means where nothing is said about order, see :class:`OpenSpecOptions`.
    """
    checklist = _with_task_headings(read_checklist(text, name))
    if not checklist.entries:
        checklist = _without_boxes(checklist)
    if not checklist.entries:
        return TaskList(warnings=checklist.warnings)
    statuses, odd_marks = statuses_of(checklist)
    statuses = _of_wholes(checklist, statuses)
    names = Names(checklist.entries)
    stated = stated_orders(checklist, names)
    phases, notes = _stated_of_groups(checklist, names, stated)
    if not phases and not any(stated.before.values()) and not any(entry.heads for entry in checklist.entries):
        phases = by_groups(checklist) if order == "groups" else one_by_one(checklist) if order == "listed" else []
    struck = [place for place, entry in enumerate(checklist.entries) if entry.struck and statuses[place] == "pending"]
    for place in struck:
        statuses[place] = "skipped"
    tasks = drawn_up(
        checklist,
        Plain(
            statuses=statuses,
            optional=frozenset(struck),
            before=stated.before,
            groups=groups_of(checklist),
            tells=lambda detail: not is_order_line(detail.text),
        ),
    )
    entries, where = checklist.entries, checklist.page.where
    return TaskList(
        tasks=tasks,
        phases=tuple(evolve(phase, tasks=tuple(tasks[int(place)].id for place in phase.tasks)) for phase in phases),
        warnings=(
            *checklist.warnings,
            *odd_marks,
            *shortened(stated.warnings),
            *shortened(notes),
            *(f"{where(entries[place].line)}: {entries[place].called} is struck through: left out" for place in struck),
        ),
    )


# --- headings that are tasks ----------------------------------------------------------------------------------------


def _with_task_headings(checklist: Checklist) -> Checklist:
    """The list with the headings that are tasks, and the boxes below each as its parts."""
    page = checklist.page
    found = {
        index: match
        for index, block in enumerate(page.blocks)
        if block.kind == "heading" and not block.quoted and (match := _TASK_HEADING.match(block.flat[:_LONGEST]))
    }
    if not found:
        return checklist
    below = _below(page, found)
    boxes = {entry.block for entry in checklist.entries}
    stating = any(
        is_order_line(page.blocks[index].text.split("\n")[0]) or _states(page, index)
        for own in below.values()
        for index in own
        if index not in boxes
    )
    taken = {index for index in found if stating or not boxes.intersection(below[index])}
    if not taken:
        return checklist
    merged: list[tuple[int, Entry]] = [(entry.block, entry) for entry in checklist.entries]
    merged += [(index, _heading_entry(page, index, found[index], below[index], boxes)) for index in taken]
    merged.sort(key=lambda pair: pair[0])
    place_of_block = {block: place for place, (block, _) in reversed(list(enumerate(merged)))}
    moved = {old: place_of_block[entry.block] for old, entry in enumerate(checklist.entries)}
    owner = {index: place_of_block[heading] for heading in taken for index in below[heading]}
    entries = []
    for block, entry in merged:
        parent = moved[entry.parent] if entry.parent is not None else owner.get(block)
        entries.append(evolve(entry, parent=parent))
    return evolve(checklist, entries=tuple(entries))


def _states(page: Page, index: int) -> bool:
    """Whether some line of a block says what something depends on."""
    return any(is_order_line(line) for line in page.blocks[index].text.split("\n"))


def _below(page: Page, headings: Mapping[int, object]) -> dict[int, list[int]]:
    """For each of the headings the blocks that stand under it and under none of the others."""
    found: dict[int, list[int]] = {index: [] for index in headings}
    for index in range(len(page.blocks)):
        owner = next((each for each in page.above(index) if each in found), None)
        if owner is not None:
            found[owner].append(index)
    return found


def _heading_entry(page: Page, index: int, match: re.Match[str], below: Sequence[int], boxes: set[int]) -> Entry:
    block = page.blocks[index]
    details: list[Detail] = []
    for each in below:
        own = page.blocks[each]
        if each in boxes or own.kind == "html" or _under_box(page, each, boxes):
            continue
        if own.kind == "fence":
            details.append(Detail("```\n" + own.text.rstrip("\n") + "\n```", own.line))
        else:
            depth = max(own.level, 1) if own.kind == "item" else 1
            lines = enumerate(own.text.split("\n"), own.line)
            details += [Detail(line.strip(), number, depth) for number, line in lines if line.strip()]
    title = match["title"].strip(" *_")
    done = bool(_DONE.search(title)) or (match["mark"] or "").lower() not in ("", "[ ]")
    title = _DONE.sub("", title).strip(" *_—–-") or title
    return Entry(
        number=match["number"],
        title=title,
        mark="x" if done else None,
        details=tuple(details),
        heading=block.heading,
        line=block.line,
        block=index,
        heads=True,
    )


def _under_box(page: Page, index: int, boxes: set[int]) -> bool:
    item = page.blocks[index].item
    while item is not None:
        if item in boxes:
            return True
        item = page.blocks[item].item
    return False


def _of_wholes(checklist: Checklist, statuses: list[str]) -> list[str]:
    """A heading has no box to tick: it is done when all boxes below it are."""
    parts = checklist.children()
    found = list(statuses)
    for place, entry in enumerate(checklist.entries):
        if entry.heads and parts.get(place):
            found[place] = "completed" if all(statuses[part] == "completed" for part in parts[place]) else "pending"
    return found


# --- lists without boxes --------------------------------------------------------------------------------------------


def _without_boxes(checklist: Checklist) -> Checklist:
    """The numbered items of a page, or all its items where none has a number of its own."""
    page = checklist.page
    items = [index for index, block in enumerate(page.blocks) if block.kind == "item" and not block.quoted]
    numbered = [index for index in items if _NUMBERED.match(page.blocks[index].flat)]
    chosen = numbered or [index for index in items if page.blocks[index].level == 1]
    place_of_block = {index: place for place, index in enumerate(chosen)}
    entries: list[Entry] = []
    for index in chosen:
        block = page.blocks[index]
        match = _NUMBERED.match(block.flat)
        parent = page.blocks[index].item
        while parent is not None and parent not in place_of_block:
            parent = page.blocks[parent].item
        entries.append(
            Entry(
                number=match["number"] if match else "",
                title=(match["title"] if match else block.flat).strip(" *_"),
                mark=None,
                details=tuple(_details(page, index, place_of_block)),
                parent=place_of_block[parent] if parent is not None else None,
                heading=block.heading,
                line=block.line,
                block=index,
            )
        )
    told = [f"{page.name}: no task has a check box, so nothing can be marked as done there"] if entries else []
    return evolve(checklist, entries=tuple(entries), warnings=(*checklist.warnings, *told))


def _details(page: Page, owner: int, chosen: Mapping[int, int]) -> Iterator[Detail]:
    for index in range(owner + 1, len(page.blocks)):
        block = page.blocks[index]
        if block.kind == "heading" or (block.item is None and block.kind == "item"):
            return
        at = block.item
        while at is not None and at != owner and at not in chosen:
            at = page.blocks[at].item
        if at == owner and index not in chosen:
            yield Detail(block.flat, block.line, max(1, block.level - page.blocks[owner].level))


# --- what a section on dependencies says ----------------------------------------------------------------------------


def _stated_of_groups(checklist: Checklist, names: Names, stated: StatedOrders) -> tuple[list[TaskPhase], list[str]]:
    """Orders between groups (as phases whose tasks are places), and between tasks (into ``stated``), from sections that are about nothing else."""
    page = checklist.page
    groups = _groups(checklist)
    after: dict[str, dict[str, PhaseOrder]] = {}
    warnings: list[str] = []
    for index, block in enumerate(page.blocks):
        title = page.blocks[block.heading].flat if block.heading is not None else ""
        if block.kind not in ("item", "text") or not _DEPENDENCIES.search(title) or _GROUP_NUMBER.match(title):
            continue
        if any(entry.block == index for entry in checklist.entries):
            continue
        for number, line in enumerate(block.text.split("\n"), block.line):
            said = _STATEMENT.match(line[:_LONGEST])
            if said is None or _HEDGES.search(said["right"]):
                continue
            word = (said["word"] or "").lower()
            if re.fullmatch(_GROUP_WORD, word, re.IGNORECASE):
                for name in _group_numbers(said["right"]):
                    if said["left"] in groups and name in groups and name != said["left"]:
                        order = PhaseOrder(phase=_phase(name), why=f'"{line.strip()}"', source=page.where(number))
                        after.setdefault(said["left"], {}).setdefault(name, order)
                    else:
                        warnings.append(f"{page.where(number)}: this names no two groups of tasks: {line.strip()[:80]}")
            else:
                for place in names.find(said["left"]):
                    stated.add(checklist, names, place, said["right"], number)
    used = {name for left, own in after.items() for name in (left, *own)}
    phases = [
        TaskPhase(
            name=_phase(name),
            tasks=tuple(str(place) for place in places),
            after=tuple(after.get(name, {}).values()),
            free=True,
        )
        for name, places in groups.items()
        if name in used
    ]
    return phases, warnings


def _phase(number: str) -> str:
    return f"group {number}"


def _group_numbers(text: str) -> list[str]:
    plain = re.sub(r"[(（].*?[)）]", " ", text)
    plain = re.sub(_GROUP_WORD, " ", plain, flags=re.IGNORECASE)
    return [first for first, _ in references(plain.strip())]


def _groups(checklist: Checklist) -> dict[str, list[int]]:
    """The tasks with work of each numbered heading."""
    wholes = set(checklist.children())
    found: dict[str, list[int]] = {}
    for place, entry in enumerate(checklist.entries):
        match = _GROUP_NUMBER.match(checklist.heading(entry))
        if match and place not in wholes:
            found.setdefault(match["number"], []).append(place)
    return found
