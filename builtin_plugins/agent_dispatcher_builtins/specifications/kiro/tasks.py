"""From ``tasks.md`` to tasks and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import define, field, frozen

from agent_dispatcher.models import Task, TaskPhase

from ..checklist import Checklist, Detail, Entry, read_checklist, shortened
from ..checklist_tasks import Plain, drawn_up, groups_of, statuses_of
from ..kinds import task_type
from ..stated_orders import Names, StatedOrders, is_order_line, stated_orders
from .order import as_listed, by_checkpoints, by_waves, is_checkpoint
from .waves import Schedule, read_schedule

__all__ = ["References", "TaskList", "read_tasks"]

_SERVES = r"(?:requirements?|reqs?\.?|validates?|要件|要求(?:事項)?|需求|요구\s*사항|요건|requisitos?|anforderungen?|exigences?|requerimientos?|требовани[яе])"
_SERVES_LINE = re.compile(
    rf"^[\s*_(\[-]*{_SERVES}(?:\s*(?:\([^)]*\)|[*_]))*\s*[:：]\s*[*_]*\s*(?P<value>.*)$", re.IGNORECASE
)
_SERVES_INSIDE = re.compile(
    rf"[_*]*[(（\[](?:relates?\s+to\s+|see\s+)?{_SERVES}(?![a-z])\s*[:：]?\s*(?P<value>[^()（）\[\]]{{1,120}})[)）\]][_*]*",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(r"^[\s*_-]*boundary\s*[:：]\s*[*_]*\s*(?P<value>.*?)[\s*_]*$", re.IGNORECASE)
_DIALECT = re.compile(r"^[\s*_-]*_(?:Boundary|Depends)\b", re.IGNORECASE)
_NO_IDS = re.compile(
    r"\"[^\"]*\"|“[^”]*”|\b(?:propert(?:y|ies)|design|task|section|§)\s*#?\s*\d[\d.,\s]*", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"(?<![\w.])(?:R|REQ-?|FR-?|NFR-?)?(?P<first>\d{1,4}(?:\.\d{1,4})?)(?:\.\d{1,4})*(?![^\W_])(?:\s*(?:-|–|—|~|〜|to\b|through\b)\s*(?:R|REQ-?)?(?P<last>\d{1,4}(?:\.\d{1,4})?)(?![^\W_]))?",
    re.IGNORECASE,
)
_ALL = re.compile(r"\ball\b|すべて|全て|全(?:要件|部)|所有|전체|모든|todos|все\b|всех", re.IGNORECASE)


@define
class References:
    """What the numbers of requirements mean.

    Attributes:
        numbers: number of a requirement -> ids of its criteria.
        ids: all ids, in the order of the file.
        mended: id of a fault -> the requirement that says what is right.
    """

    numbers: Mapping[str, Sequence[str]] = field(factory=dict)
    ids: Sequence[str] = ()
    mended: Mapping[str, str] = field(factory=dict)
    known: frozenset[str] = field(init=False)
    place: dict[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.known = frozenset(self.ids)
        self.place = {name: at for at, name in enumerate(self.ids)}

    def resolve(self, name: str) -> list[str]:
        """The ids one number means; none if it means nothing."""
        if name in self.known:
            return [name]
        if name in self.mended:
            return [self.mended[name]]
        return list(self.numbers.get(name, ()))

    def span(self, first: str, last: str) -> list[str]:
        """All ids from one number to another."""
        starts, ends = self.resolve(first), self.resolve(last)
        if not starts or not ends:
            return [*starts, *ends]
        low, high = self.place[starts[0]], self.place[ends[-1]]
        return list(self.ids[low : high + 1]) if low <= high else [*starts, *ends]

    def read(self, value: str) -> tuple[list[str], list[str]]:
        """The ids that a list of numbers means, and the numbers that mean nothing."""
        plain = _NO_IDS.sub(" ", value[:2000])
        found: list[str] = []
        unknown: list[str] = []
        for match in _REFERENCE.finditer(plain):
            first, last = match["first"], match["last"]
            ids = self.span(first, last) if last else self.resolve(first)
            found += ids
            if not ids:
                unknown.append(f"{first}-{last}" if last else first)
        if not found and not unknown and _ALL.search(plain):
            found = list(self.ids)
        return list(dict.fromkeys(found)), unknown


@frozen(kw_only=True)
class TaskList:
    """What ``tasks.md`` says.

    Attributes:
        tasks: in listed order.
        left_out: how many optional tasks are left out.
    """

    tasks: tuple[Task, ...] = ()
    phases: tuple[TaskPhase, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: int = 0


def read_tasks(text: str, name: str, references: References, *, optional: bool, order: str, in_order: bool) -> TaskList:
    """Read the list.

    Args:
        text: of the file.
        name: what places call it.
        references: what numbers of requirements mean.
        optional: whether optional tasks are to be done.
        order: ``listed``, ``free`` or ``auto``.
        in_order: whether, when it is ``auto``, something beside the list says that its order is the order of work.
    """
    checklist = read_checklist(text, name)
    entries = checklist.entries
    if not entries:
        return TaskList(warnings=checklist.warnings)
    statuses, odd_marks = statuses_of(checklist)
    stars = _optional(checklist)
    for place in stars:
        if not optional and statuses[place] == "pending":
            statuses[place] = "skipped"
    struck = frozenset(place for place, entry in enumerate(entries) if entry.struck and statuses[place] == "pending")
    for place in struck:
        statuses[place] = "skipped"
    _with_their_parts(checklist, statuses, stars)
    names = Names(entries)
    schedule = read_schedule(checklist, names)
    stated = stated_orders(checklist, names)
    for after, befores in schedule.arrows.before.items():
        for before, line in befores.items():
            stated.before.setdefault(after, {}).setdefault(before, line)
    warnings = [
        *checklist.warnings,
        *odd_marks,
        *shortened(stated.warnings),
        *shortened(schedule.warnings),
        *_not_waited_for(checklist, statuses, stated),
        *(
            f"{checklist.page.where(entries[p].line)}: {entries[p].called} is struck through: left out"
            for p in sorted(struck)
        ),
    ]
    served, unknown = _served(checklist, references)
    tasks = drawn_up(
        checklist,
        Plain(
            statuses=statuses,
            optional=frozenset(stars) | struck,
            before=stated.before,
            requirements=served,
            types={place: "testing" for place, entry in enumerate(entries) if is_checkpoint(entry.title)},
            resources=_boundaries(checklist),
            groups=groups_of(checklist),
            tells=_tells,
        ),
    )
    phases = _phases(checklist, tasks, schedule, order, in_order)
    return TaskList(
        tasks=tasks,
        phases=phases,
        warnings=(*warnings, *unknown),
        left_out=sum(task.waived for task in tasks) - len(struck),
    )


# --- what is left out -----------------------------------------------------------------------------------------------


def _optional(checklist: Checklist) -> list[int]:
    """Entries with a star, and their parts."""
    found: set[int] = set()
    for place, entry in enumerate(checklist.entries):
        if entry.star or entry.parent in found:
            found.add(place)
    return sorted(found)


def _with_their_parts(checklist: Checklist, statuses: list[str], stars: list[int]) -> None:
    """A whole whose parts are all left out, and which has no work of its own, is left out with them."""
    entries = checklist.entries
    for whole, parts in sorted(checklist.children().items(), reverse=True):
        if statuses[whole] != "pending" or any(statuses[part] != "skipped" for part in parts):
            continue
        told = any(_tells(detail) for detail in entries[whole].details)
        tested = all(_tests(entries[part]) for part in parts) and not _tests(entries[whole])
        if not told and not tested:
            statuses[whole] = "skipped"
            stars.append(whole)


def _tests(entry: Entry) -> bool:
    return task_type(entry.title[:400], ()) == "testing"


def _not_waited_for(checklist: Checklist, statuses: Sequence[str], stated: StatedOrders) -> Iterator[str]:
    """Take out what is declared to come first and is left out: it would be waited for for ever."""
    for after, befores in stated.before.items():
        for before in [each for each in befores if statuses[each] == "skipped"]:
            line = befores.pop(before)
            called, other = checklist.entries[after].called, checklist.entries[before].called
            yield f"{checklist.page.where(line)}: {called} depends on {other}, which is left out: it does not wait for it"


# --- what is served -------------------------------------------------------------------------------------------------


def _served(checklist: Checklist, references: References) -> tuple[dict[int, tuple[str, ...]], list[str]]:
    """For each place the ids its entry serves (a part that names none those of its whole), and warnings."""
    found: dict[int, tuple[str, ...]] = {}
    unknown: list[tuple[int, Entry, str]] = []
    for place, entry in enumerate(checklist.entries):
        ids: list[str] = []
        for line, value in _said(entry):
            known, missing = references.read(value)
            ids += known
            unknown += [(line, entry, name) for name in missing]
        if not ids and entry.parent is not None:
            ids = list(found.get(entry.parent, ()))
        found[place] = tuple(dict.fromkeys(ids))
    return found, list(shortened(_unknown(checklist, unknown))) if references.ids else []


def _said(entry: Entry) -> Iterator[tuple[int, str]]:
    for match in _SERVES_INSIDE.finditer(entry.title[:2000]):
        yield entry.line, match["value"]
    for detail in entry.details:
        found = _SERVES_LINE.match(detail.text[:2000])
        if found:
            yield detail.line, found["value"]
        else:
            for match in _SERVES_INSIDE.finditer(detail.text[:2000]):
                yield detail.line, match["value"]


def _unknown(checklist: Checklist, found: Sequence[tuple[int, Entry, str]]) -> Iterator[str]:
    for line, entry, name in found:
        yield f"{checklist.page.where(line)}: {entry.called} serves requirement {name}, which is not there"


def _boundaries(checklist: Checklist) -> dict[int, tuple[str, ...]]:
    """The components that entries keep to: no two tasks work in one at the same time."""
    found: dict[int, tuple[str, ...]] = {}
    for place, entry in enumerate(checklist.entries):
        names: list[str] = []
        for detail in entry.details:
            match = _BOUNDARY.match(detail.text[:500])
            if match:
                names += [name.strip(" `*_") for name in re.split(r"[,、，;]", match["value"])]
        found[place] = tuple(dict.fromkeys(name for name in names if name))
    return found


def _tells(detail: Detail) -> bool:
    """Whether a line is for whoever does the work."""
    text = detail.text[:2000]
    return not (_SERVES_LINE.match(text) or is_order_line(text) or _BOUNDARY.match(text[:500]))


# --- order ----------------------------------------------------------------------------------------------------------


def _phases(
    checklist: Checklist, tasks: Sequence[Task], schedule: Schedule, order: str, in_order: bool
) -> tuple[TaskPhase, ...]:
    ids = {place: task.id for place, task in enumerate(tasks)}

    def works(place: int) -> bool:
        return not tasks[place].children and tasks[place].status != "skipped"

    listed = order == "listed" or (order == "auto" and (in_order or _dialect(checklist.entries)))
    found = as_listed(checklist, ids, works) if listed else by_checkpoints(checklist, ids, works)
    return (*found, *by_waves(checklist, ids, works, schedule))


def _dialect(entries: Iterable[Entry]) -> bool:
    """Whether the list is written as cc-sdd writes: there the order of the list is the order of work, but for what is marked."""
    return any(entry.parallel or any(_DIALECT.match(detail.text) for detail in entry.details) for entry in entries)
