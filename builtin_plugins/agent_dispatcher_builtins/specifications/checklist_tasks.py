"""From the entries of a check list to tasks in the dispatcher's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Task

from ..decomposers.identity import Identities
from .checklist import DONE, Checklist, Detail, Entry
from .kinds import task_type
from .paths import NamedPath, complete, named_paths

__all__ = ["Plain", "drawn_up", "groups_of", "statuses_of"]

#: Marks of a box for work that was begun.
_BEGUN = frozenset({"-", "~", "/", ">"})
#: Headings over a list as a whole.
_WHOLE_LIST = re.compile(
    r"^[\W_\d]*(?:tasks?(?:\s+list)?|implementation(?:\s+(?:plan|tasks?|status))?|task\s+(?:list|overview|breakdown)|タスク(?:一覧|リスト)?|実装(?:計画|タスク)|任务(?:列表|清单)?|任務(?:列表|清單)?"
    r"|实施计划|實施計劃|실행?\s*계획|작업\s*목록|tarefas|plano\s+de\s+implementa[çc][ãa]o|план\s+реализации|задачи)[\W_]*$",
    re.IGNORECASE,
)
#: So much of a title says what sort of work it is.
_OPENING = 400
#: So much of a text is searched for files.
_SEARCHED = 20_000


def _told(detail: Detail) -> bool:
    return True


@frozen(kw_only=True)
class Plain:
    """What a format knows about its entries beyond the list itself; keys are places in the list.

    Attributes:
        statuses: of each entry.
        optional: entries that may be left out.
        before: what is declared to come first, each with the line that says so.
        requirements: ids that an entry serves.
        types: task types that are known.
        resources: things there is only once, by name.
        groups: to which group each entry belongs.
        tells: whether a line below an entry is about the work, and not for the machine.
    """

    statuses: Sequence[str]
    optional: frozenset[int] = frozenset()
    before: Mapping[int, Mapping[int, int]] = field(factory=dict)
    requirements: Mapping[int, tuple[str, ...]] = field(factory=dict)
    types: Mapping[int, str] = field(factory=dict)
    resources: Mapping[int, tuple[str, ...]] = field(factory=dict)
    groups: Mapping[int, str] = field(factory=dict)
    tells: Callable[[Detail], bool] = _told


def statuses_of(checklist: Checklist) -> tuple[list[str], list[str]]:
    """``completed`` for ticked boxes and ``pending`` for the others, and warnings about marks that mean neither."""
    statuses, warnings = [], []
    for entry in checklist.entries:
        statuses.append("completed" if entry.done else "pending")
        if entry.mark and entry.mark not in DONE | _BEGUN:
            where = checklist.page.where(entry.line)
            warnings.append(f"{where}: the box of {entry.called} holds {entry.mark!r}, which is taken for not done")
    return statuses, warnings


def drawn_up(checklist: Checklist, plain: Plain) -> tuple[Task, ...]:
    """One task per entry, in the order of the list.

    An entry with parts has them as ``children``: it needs no agent, and what it says itself is told to each part. But where all its parts are tests and
    it is none, it is the work that they test: then it is a task of its own, and they verify it. Where all its parts are optional and left out, it is
    a task of its own too.
    """
    return _Builder(checklist, plain).tasks()


class _Builder:
    def __init__(self, checklist: Checklist, plain: Plain) -> None:
        self._list = checklist
        self._entries = checklist.entries
        self._plain = plain
        self._paths = complete(named_paths(self._searched(entry)) for entry in self._entries)
        self._types = [
            plain.types.get(place) or task_type(entry.title[:_OPENING], _written(paths))
            for place, (entry, paths) in enumerate(zip(self._entries, self._paths, strict=True))
        ]
        self._parts = dict(checklist.children())
        self._tested = self._split_off_tests()
        identities = Identities()
        self._ids = [
            identities.take(entry.title, self._surroundings(place)) for place, entry in enumerate(self._entries)
        ]

    def tasks(self) -> tuple[Task, ...]:
        return tuple(self._task(place, entry) for place, entry in enumerate(self._entries))

    def _task(self, place: int, entry: Entry) -> Task:
        parts = self._parts.get(place, [])
        status = self._plain.statuses[place]
        left_out = status == "skipped"
        works = not parts and not left_out
        paths = self._paths[place] if works else ()
        resources = self._plain.resources.get(place, ()) if works else ()
        test = self._types[place] == "testing"
        return Task(
            id=self._ids[place],
            source_id=entry.number or None,
            title=entry.title or entry.number or "(nothing is said)",
            description=self._description(place),
            type=self._types[place],
            status=status,
            requirements=self._plain.requirements.get(place, ()),
            depends_on=tuple(
                DeclaredDependency(task=self._ids[other], source=self._list.page.where(line))
                for other, line in self._plain.before.get(place, {}).items()
            ),
            verifies=tuple(self._ids[other] for other in self._tested.get(place, ())) if works else (),
            produces=tuple(_path(path) for path in paths if not path.reads),
            consumes=(
                *(() if test else (_path(path) for path in paths if path.reads)),
                *(ArtifactRef(type="resource", name=name) for name in resources),
            ),
            group=self._plain.groups.get(place, ""),
            children=tuple(self._ids[part] for part in parts),
            complexity=self._complexity(place, entry),
            source=self._list.page.where(entry.line),
            optional=place in self._plain.optional,
        )

    def _split_off_tests(self) -> dict[int, list[int]]:
        """Tests that are listed as the only parts of what they test, with that; they are no parts of it any more."""
        found: dict[int, list[int]] = {}
        for whole, parts in list(self._parts.items()):
            if self._plain.statuses[whole] != "skipped" and all(
                part in self._plain.optional and self._plain.statuses[part] == "skipped" for part in parts
            ):
                del self._parts[whole]  # nobody else does what it says
                continue
            if self._types[whole] == "testing" or any(
                self._types[part] != "testing" or part in self._parts for part in parts
            ):
                continue
            del self._parts[whole]
            for part in parts:
                if whole not in self._plain.before.get(part, {}) and part not in self._plain.before.get(whole, {}):
                    found[part] = [whole]
        return found

    # --- what a task is told

    def _description(self, place: int) -> str:
        """Its own lines, and those of what it is a part of."""
        own = self._lines(place)
        above: list[str] = []
        parent = self._entries[place].parent
        while parent is not None:
            lines = self._lines(parent)
            name = " ".join(filter(None, (self._entries[parent].number, self._entries[parent].title)))
            if lines and place not in self._tested:
                above.append(f"Part of {name}:\n{lines}")
            parent = self._entries[parent].parent
        return "\n\n".join(filter(None, [own, *above]))

    def _lines(self, place: int) -> str:
        told = [detail for detail in self._entries[place].details if self._plain.tells(detail)]
        return "\n".join("  " * (detail.depth - 1) + detail.text for detail in told)

    def _searched(self, entry: Entry) -> str:
        text = "\n".join([entry.title, *(d.text for d in entry.details if not d.text.startswith("```"))])
        return text[:_SEARCHED]

    def _surroundings(self, place: int) -> str:
        """What tells it from another of the same title, and stays when the list is numbered anew."""
        names = [self._list.heading(self._entries[place])]
        parent = self._entries[place].parent
        while parent is not None:
            names.append(self._entries[parent].title)
            parent = self._entries[parent].parent
        return "\n".join(names)

    def _complexity(self, place: int, entry: Entry) -> float:
        words = len(entry.title.split()) + sum(len(detail.text.split()) for detail in entry.details)
        files = sum(1 for path in self._paths[place] if not path.reads)
        return min(10.0, round(1.0 + words / 40 + 0.5 * max(0, files - 1), 1))


def groups_of(checklist: Checklist) -> dict[int, str]:
    """Where each entry belongs: the heading above it, if that names more than the list as a whole, else the outermost entry that it is a part of."""
    wholes = set(checklist.children())
    titles = [i for i, block in enumerate(checklist.page.blocks) if block.kind == "heading" and block.level == 1]
    found: dict[int, str] = {}
    for place, entry in enumerate(checklist.entries):
        root = place
        while (parent := checklist.entries[root].parent) is not None:
            root = parent
        above = "" if titles == [entry.heading] else checklist.heading(entry)
        if above and not _WHOLE_LIST.match(above):
            found[place] = above
        elif root != place or place in wholes:
            top = checklist.entries[root]
            found[place] = f"{top.number}. {top.title}" if top.number else top.title
    return found


def _written(paths: Sequence[NamedPath]) -> list[str]:
    return [path.name for path in paths if not path.reads]


def _path(path: NamedPath) -> ArtifactRef:
    return ArtifactRef(type="path", name=path.name)
