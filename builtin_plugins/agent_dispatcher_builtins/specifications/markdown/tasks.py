"""From the entries of a document to tasks of the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Task
from agent_dispatcher.planning.declared import kinship

from ...decomposers.identity import Identities
from ...decomposers.prose import headline
from ..kinds import task_type
from ..page import Page
from ..paths import complete, named_paths
from ..task_master.fields import Notes
from .mentions import mentions
from .outline import Entry, Outline
from .sections import kind_of

__all__ = ["Reading", "read_entries"]

_PRIORITIES = {"p0": 2, "critical": 2, "p1": 1, "high": 1, "p2": 0, "medium": 0, "p3": -1, "low": -1, "p4": -2}
_PRIORITY = re.compile(
    r"[\[(](P[0-4]|critical|high|medium|low)(?:\s+priority)?[\])]|\bpriority\s*[:=]\s*\**(P[0-4]|critical|high|medium|low)\b",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(`[^`\n]*`)|\*\*|__(?=\S)|(?<=\S)__|~~")
_LABELLED = re.compile(
    r"^[*_`\s]*(?:dependenc\w+|depends\s+on|blocked\s+by|prerequisites?|deps|requires|after|依存|依赖|의존)\b",
    re.IGNORECASE,
)
_LONGEST_TITLE = 140
_LONGEST_CONTEXT = 2000


@frozen(kw_only=True)
class Reading:
    """The entries with their ids and places in the family.

    Attributes:
        ids: block to the id of its task.
        names: block to the task's own id where only one task has it.
        called: a task's own id in lower case to the blocks that bear it.
        prose: heading to what its section says outside of lists.
    """

    page: Page
    outline: Outline
    ids: Mapping[int, str]
    names: Mapping[int, str]
    called: Mapping[str, Sequence[int]]
    prose: Mapping[int, str]

    def tasks(self, requirements: Mapping[int, Sequence[str]], notes: Notes) -> tuple[Task, ...]:
        """The tasks, in the order of the page.

        Args:
            requirements: block to the ids of the requirements its task serves.
        """
        entries = list(self.outline.entries.items())
        children: dict[int, list[int]] = {}
        for child, parent in self.outline.parents.items():
            children.setdefault(parent, []).append(child)
        paths = complete(named_paths(entry.text) for _, entry in entries)
        waits = self._waits(notes)
        found = []
        for (index, entry), named in zip(entries, paths, strict=True):
            written = [path.name for path in named if not path.reads]
            title = _title(entry.text)
            details = self._details(index)
            full = " ".join(entry.text.split())
            description = "\n\n".join(
                part for part in (full if full != title else "", details, self._context(index)) if part
            )
            priority = _PRIORITY.search(entry.text)
            found.append(
                Task(
                    id=self.ids[index],
                    source_id=self.names.get(index),
                    title=title,
                    description=description,
                    type=task_type(title, written),
                    status=self._status(entry, children.get(index, ()), notes),
                    requirements=tuple(requirements.get(index, ())),
                    depends_on=tuple(
                        DeclaredDependency(task=self.ids[other], source=self.page.where(line))
                        for other, line in waits.get(index, {}).items()
                    ),
                    produces=tuple(ArtifactRef(type="path", name=name) for name in written),
                    consumes=tuple(ArtifactRef(type="path", name=path.name) for path in named if path.reads),
                    group=self._group(index),
                    children=tuple(self.ids[child] for child in children.get(index, ())),
                    complexity=min(8.0, round(1.0 + len(f"{full} {details}".split()) / 40, 1)),
                    priority=_PRIORITIES[(priority[1] or priority[2]).lower()] if priority else 0,
                    source=self.page.where(entry.line),
                )
            )
        return tuple(found)

    def own_text(self, index: int) -> str:
        """Everything that is said about one task alone."""
        return f"{self.outline.entries[index].text}\n{self._details(index)}"

    # --- what it says

    def _details(self, index: int) -> str:
        lines = []
        for at in self.outline.details.get(index, ()):
            block = self.page.blocks[at]
            if at in self.outline.criteria or block.kind in ("html", "heading"):
                continue
            bullet = "- " if block.kind == "item" else ""
            lines.append(f"```\n{block.text.rstrip()}\n```" if block.kind == "fence" else bullet + block.text)
        return "\n".join(lines)

    def _context(self, index: int) -> str:
        """The prose of the section a task is listed in, unless that is the page itself or another task."""
        heading = self.page.blocks[index].heading
        if heading is None or self.page.blocks[heading].level == 1 or heading in self.outline.entries:
            return ""
        return self.prose.get(heading, "")[:_LONGEST_CONTEXT]

    def _group(self, index: int) -> str:
        """The innermost heading that says more than *Tasks*; else the innermost."""
        above = [at for at in self.page.above(index) if at not in self.outline.entries]
        lower = [self.page.blocks[at].flat for at in above if self.page.blocks[at].level > 1]
        return next(
            (title for title in lower if kind_of(title) != "tasks" or len(title.split()) > 2), lower[0] if lower else ""
        )

    def _status(self, entry: Entry, children: Sequence[int], notes: Notes) -> str:
        where = self.page.where(entry.line)
        if entry.struck and not entry.done:
            notes.count(where, "a task that is struck through is not run")
            return "skipped"
        if entry.done and not all(self.outline.entries[child].done for child in children):
            notes.add(where, "its box is ticked, but those below it are not all: they are planned")
        return "completed" if entry.done else "pending"

    # --- order

    def _waits(self, notes: Notes) -> dict[int, dict[int, int]]:
        """Block of a task to the blocks it waits for, with the line that says so."""
        parent_of = {self.ids[child]: self.ids[parent] for child, parent in self.outline.parents.items()}
        found: dict[int, dict[int, int]] = {}
        for index in self.outline.entries:
            for name, line, surely in self._said(index):
                others = self._named(name, index)
                where, called = self.page.where(line), self._speak_of(index)
                if len(others) > 1:
                    notes.add(where, f"{called} waits for {name}, which several tasks are called: ignored")
                elif not others:
                    if surely:
                        notes.add(where, f"{called} waits for {name!r}, which is no task here: ignored")
                elif others[0] == index:
                    notes.add(where, f"{called} waits for itself: ignored")
                elif kinship(self.ids[others[0]], self.ids[index], parent_of):
                    notes.add(where, f"{called} waits for {name}, but one is a part of the other: ignored")
                else:
                    found.setdefault(index, {}).setdefault(others[0], line)
        return found

    def _said(self, index: int) -> Iterator[tuple[str, int, bool]]:
        entry = self.outline.entries[index]
        for mention in mentions(entry.text, entry.line):
            yield mention.name, mention.line, mention.surely
        for at in self.outline.details.get(index, ()):
            block = self.page.blocks[at]
            if block.kind in ("item", "text") and not block.quoted and _LABELLED.match(block.text):
                for mention in mentions(block.text, block.line):
                    yield mention.name, mention.line, mention.surely

    def _named(self, name: str, index: int) -> list[int]:
        """The tasks of that name: in the same section if there is one, else anywhere."""
        wanted = list(self.called.get(name.lower(), ()))
        heading = self.page.blocks[index].heading
        near = [at for at in wanted if self.page.blocks[at].heading == heading]
        return near if len(near) == 1 else wanted

    def _speak_of(self, index: int) -> str:
        entry = self.outline.entries[index]
        return f"task {entry.id}" if entry.id else f'"{_title(entry.text)[:40]}"'


def read_entries(page: Page, outline: Outline, notes: Notes) -> Reading:
    """Give every entry its id and its place in the family; names that several have are told and not used as ids."""
    identities = Identities()
    first: dict[str, Entry] = {}
    twice: dict[str, int] = {}
    for entry in outline.entries.values():
        if entry.id and first.setdefault(entry.id, entry) is not entry:
            twice[entry.id] = twice.get(entry.id, 1) + 1
    for name, count in twice.items():
        notes.count(
            page.where(first[name].line),
            f"several tasks have one number or name, as {name} ({count} times): it is no id",
        )
    called: dict[str, list[int]] = {}
    for index, entry in outline.entries.items():
        if entry.id:
            called.setdefault(entry.id.lower(), []).append(index)
    prose: dict[int, list[str]] = {}
    for block in page.blocks:
        if block.kind == "text" and block.heading is not None and block.item is None and not block.quoted:
            prose.setdefault(block.heading, []).append(block.text)
    return Reading(
        page=page,
        outline=outline,
        ids={index: identities.take(_title(entry.text), entry.id) for index, entry in outline.entries.items()},
        names={index: entry.id for index, entry in outline.entries.items() if entry.id and entry.id not in twice},
        called=called,
        prose={heading: "\n\n".join(texts) for heading, texts in prose.items()},
    )


def _title(text: str) -> str:
    plain = " ".join(_EMPHASIS.sub(lambda found: found[1] or "", text[:_LONGEST_CONTEXT]).split())
    if len(plain) <= _LONGEST_TITLE:
        return plain or "Task"
    return headline(plain)
