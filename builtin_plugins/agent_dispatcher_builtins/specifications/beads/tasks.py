"""From issues to tasks of the plan, and to the requirements that their acceptance criteria are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from agent_dispatcher.models import DeclaredDependency, Requirement, Task

from ...decomposers.identity import Identities
from ..task_master.fields import Notes
from .lines import Issue
from .links import Links, read_links
from .options import BeadsOptions
from .words import DELETED, REQUIREMENT_PRIORITIES, meaning, task_priority, task_type

__all__ = ["read_tasks"]

#: Texts of an issue for whoever does the work, and what they are called in the description.
_TEXTS = (("description", ""), ("design", "Design"), ("acceptance_criteria", "Acceptance criteria"), ("notes", "Notes"))
_CONTAINERS = frozenset({"epic", "milestone", "molecule"})
#: Types of issues that are no work: mail between agents, records of what happened, and what ``bd`` itself keeps.
_NO_WORK = frozenset({"message", "event", "agent", "role", "rig", "slot", "convoy", "queue", "config"})
_DEFAULT_PRIORITY = 2
_BULLET = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]?\]\s+)?")


def read_tasks(
    issues: Sequence[Issue], options: BeadsOptions, notes: Notes
) -> tuple[tuple[Task, ...], tuple[Requirement, ...]]:
    """A task for each issue that was not deleted, in the order of the file, and the requirements of those that are open."""
    deleted = {issue.id: issue for issue in issues if issue.id and _word(issue) == DELETED}
    if deleted:
        first = next(iter(deleted.values()))
        notes.add(first.where, f"deleted issues (tombstones) are no tasks: {len(deleted)} left out")
    alive = [issue for issue in issues if _word(issue) != DELETED]
    links = read_links(alive, deleted, notes)
    if not options.closed:
        alive = _without_closed(alive, links, notes)
    return _Reading(alive, links, notes).read()


def _word(issue: Issue) -> str:
    value = issue.values.get("status")
    return value.strip().lower() if isinstance(value, str) else ""


def _without_closed(issues: Sequence[Issue], links: Links, notes: Notes) -> list[Issue]:
    """The open issues, and the closed ones that an open one is a part of or waits for."""
    open_ = {issue.id for issue in issues if meaning(_word(issue)) != "completed"}
    needed = set(open_)
    for name in open_:
        needed.update(links.ancestors(name))
        needed.update(links.before.get(name, ()))
    kept = [issue for issue in issues if issue.id in needed]
    if len(kept) < len(issues):
        notes.add(
            issues[0].where, f"{len(issues) - len(kept)} closed issues are left out, as the option 'closed' is false"
        )
    return kept


@frozen(kw_only=True)
class _Known:
    """What is known of the issues by their ids: the ids of their tasks, their titles, their parts, and what they ask for."""

    ids: Mapping[str, str]
    titles: Mapping[str, str]
    families: Mapping[str, Sequence[str]]
    requirements: dict[str, Requirement] = field(factory=dict)


@frozen
class _Reading:
    issues: Sequence[Issue]
    links: Links
    notes: Notes

    def read(self) -> tuple[tuple[Task, ...], tuple[Requirement, ...]]:
        identities = Identities()
        titles = [self._title(issue) for issue in self.issues]
        ids = [identities.take(title, issue.id) for title, issue in zip(titles, self.issues, strict=True)]
        known = _Known(
            ids={issue.id: name for issue, name in zip(self.issues, ids, strict=True) if issue.id},
            titles={issue.id: title for issue, title in zip(self.issues, titles, strict=True) if issue.id},
            families=self.links.children(),
        )
        statuses = [self._status(issue) for issue in self.issues]
        for issue, status in zip(self.issues, statuses, strict=True):
            requirement = self._requirement(issue) if status == "pending" else None
            if requirement is not None:
                known.requirements[issue.id] = requirement
        tasks = [
            self._task(issue, name, title, status, known)
            for issue, name, title, status in zip(self.issues, ids, titles, statuses, strict=True)
        ]
        self._note_families(tasks)
        served = {name for task in tasks if not task.children for name in task.requirements}
        return tuple(tasks), tuple(each for each in known.requirements.values() if each.id in served)

    def _task(self, issue: Issue, name: str, title: str, status: str, known: _Known) -> Task:
        above = list(self.links.ancestors(issue.id)) if issue.id else []
        owners = [issue.id, *above] if status == "pending" else []
        return Task(
            id=name,
            source_id=issue.id or None,
            title=title,
            description=self._description(issue),
            type=task_type(self._kind(issue), title),
            status=status,
            requirements=tuple(known.requirements[owner].id for owner in owners if owner in known.requirements),
            depends_on=tuple(
                DeclaredDependency(task=known.ids[before], source=where)
                for before, where in self.links.before.get(issue.id, {}).items()
                if before in known.ids
            ),
            group=known.titles.get(above[-1], "") if above else "",
            children=tuple(known.ids[child] for child in known.families.get(issue.id, ()) if child in known.ids),
            complexity=self._complexity(issue),
            priority=task_priority(self._priority(issue)),
            source=issue.where,
        )

    # --- fields

    def _title(self, issue: Issue) -> str:
        title = " ".join(issue.text("title", self.notes).split())
        if title:
            return title
        self.notes.add(issue.where, f"{issue.name} has no title")
        return issue.text("description", Notes()).partition("\n")[0].strip()[:80] or issue.id

    def _kind(self, issue: Issue) -> str:
        value = issue.values.get("issue_type")
        return value.strip().lower() if isinstance(value, str) else ""

    def _status(self, issue: Issue) -> str:
        word = _word(issue)
        status = meaning(word)
        if issue.values.get("status") is not None and not isinstance(issue.values["status"], str):
            self.notes.add(issue.where, f"the status of {issue.name} must be a text: taken as open")
        elif status is None:
            self.notes.add(issue.where, f"the status {word!r} of {issue.name} is not known: taken as open")
        if status == "completed":
            return status
        kind = self._kind(issue)
        if kind in _NO_WORK or issue.values.get("is_template") is True:
            what = "a template" if kind not in _NO_WORK else f"an issue of the type {kind!r}"
            self.notes.count(issue.where, f"{what} is no work: it is not run")
            return "skipped"
        if kind == "gate":
            self.notes.add(
                issue.where,
                f"{issue.name} is a gate, which opens outside: it is not run, and what waits for it is blocked",
            )
            return "skipped"
        if issue.id in self.links.only_if_failed:
            other = self.links.only_if_failed[issue.id]
            self.notes.add(
                issue.where, f"{issue.name} is to be done only if {other} fails, which no plan can say: it is not run"
            )
            return "skipped"
        if word == "blocked":
            self.notes.count(
                issue.where,
                "an issue marked as blocked is planned like an open one: what blocks it are its dependencies",
            )
        return status or "pending"

    def _priority(self, issue: Issue) -> int:
        if issue.values.get("priority") is None:
            return _DEFAULT_PRIORITY
        number = issue.whole("priority")
        if number is None or not 0 <= number <= 4:
            self.notes.add(
                issue.where, f"the priority of {issue.name} must be a number from 0 to 4: taken as {_DEFAULT_PRIORITY}"
            )
            return _DEFAULT_PRIORITY
        return number

    def _complexity(self, issue: Issue) -> float:
        """From the estimate, an hour a point; without one from the length of what is said."""
        minutes = issue.whole("estimated_minutes")
        if minutes is not None and minutes > 0:
            return min(10.0, round(1.0 + minutes / 60, 1))
        words = sum(len(issue.text(key, Notes()).split()) for key, _ in _TEXTS)
        return min(8.0, round(1.0 + words / 100, 1))

    def _description(self, issue: Issue) -> str:
        parts = []
        for key, heading in _TEXTS:
            text = issue.text(key, self.notes)
            if text:
                parts.append(f"{heading}:\n{text}" if heading else text)
        return "\n\n".join(parts)

    def _requirement(self, issue: Issue) -> Requirement | None:
        criteria = [_BULLET.sub("", line).strip() for line in issue.text("acceptance_criteria", Notes()).splitlines()]
        text = "; ".join(line.rstrip(";") for line in criteria if line)
        if not text or not issue.id:
            return None
        number = issue.whole("priority")
        urgent = REQUIREMENT_PRIORITIES[number if number is not None and 0 <= number <= 4 else _DEFAULT_PRIORITY]
        return Requirement(id=f"AC-{issue.id}", text=text, priority=urgent, source=issue.where)

    # --- families

    def _note_families(self, tasks: Sequence[Task]) -> None:
        by_id = {task.id: task for task in tasks}
        for issue, task in zip(self.issues, tasks, strict=True):
            if task.status == "pending" and not task.children and self._kind(issue) in _CONTAINERS:
                kind = self._kind(issue)
                self.notes.count(
                    issue.where, f"an open issue of the type {kind!r} without parts is planned like any other"
                )
            if task.status == "completed":
                left = [name for name in task.children if by_id[name].status == "pending"]
                if left:
                    names = ", ".join(by_id[name].source_id or name for name in left[:5]) + (
                        " ..." if len(left) > 5 else ""
                    )
                    self.notes.add(
                        issue.where, f"{issue.name} is closed, but parts of it are open and planned: {names}"
                    )
