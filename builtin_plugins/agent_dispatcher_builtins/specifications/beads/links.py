"""What the links between issues mean: who waits for whom, who is a part of whom, and which links say nothing about order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from agent_dispatcher.planning.declared import kinship

from ..task_master.fields import Notes
from .lines import Issue

__all__ = ["Links", "read_links"]

#: Types of links that make an issue wait; all others that Beads knows, or that people made up, do not.
_ORDER = frozenset({"blocks", "waits-for"})
_PART = "parent-child"
_IF_FAILED = "conditional-blocks"


@frozen(kw_only=True)
class Links:
    """What was read, by ids as they are written.

    Attributes:
        before: issue to what it waits for, and where that stands.
        parent: issue to what it is a part of.
        only_if_failed: issues that are to be done only if another one fails.
    """

    before: dict[str, dict[str, str]] = field(factory=dict)
    parent: dict[str, str] = field(factory=dict)
    only_if_failed: dict[str, str] = field(factory=dict)

    def children(self) -> dict[str, list[str]]:
        """Issue to its parts, in the order in which they were found."""
        found: dict[str, list[str]] = {}
        for child, parent in self.parent.items():
            found.setdefault(parent, []).append(child)
        return found

    def ancestors(self, name: str) -> Iterator[str]:
        """What an issue is a part of, the nearest first."""
        while (parent := self.parent.get(name)) is not None:
            yield parent
            name = parent


@frozen
class _Link:
    after: str
    before: str
    kind: str
    where: str


def read_links(issues: Sequence[Issue], deleted: Mapping[str, Issue], notes: Notes) -> Links:
    """All links between ``issues``; what cannot hold is noted with its place and left out.

    Args:
        issues: those that are planned.
        deleted: tombstones by id: nothing waits for them any more.
    """
    known = {issue.id: issue for issue in issues if issue.id}
    links = Links()
    order: list[_Link] = []
    for issue in issues:
        for link in _entries(issue, known, notes):
            if not _leads_somewhere(link, known, deleted, notes):
                continue
            if link.kind in _ORDER:
                order.append(link)
            elif link.kind == _PART:
                _adopt(link, links, notes)
            elif link.kind == _IF_FAILED:
                links.only_if_failed[link.after] = link.before
            else:
                notes.count(link.where, f"a link of the type {link.kind!r} says nothing about order: not used")
    for link in order:
        if kinship(link.before, link.after, links.parent):
            notes.add(
                link.where,
                f"{link.after} waits for {link.before}, but one is a part of the other and both complete together: ignored",
            )
        else:
            links.before.setdefault(link.after, {}).setdefault(link.before, link.where)
    return links


def _entries(issue: Issue, known: Mapping[str, Issue], notes: Notes) -> Iterator[_Link]:
    """What stands under ``dependencies`` (and ``parent``), whoever it is about."""
    value = issue.values.get("dependencies")
    if value is not None and not isinstance(value, list):
        notes.add(issue.where, f"'dependencies' of {issue.name} must be a list: not used")
        value = None
    for entry in value or ():
        link = _link(entry, issue)
        if link is None:
            notes.add(issue.where, f"a dependency of {issue.name} names no issue ('depends_on_id'): not used")
        elif link.after != issue.id:
            notes.add(link.where, f"a dependency of {link.after} stands with {issue.name}")
            if link.after in known:
                yield link
        else:
            yield link
    parent = issue.values.get("parent")
    if isinstance(parent, str) and parent.strip():
        yield _Link(issue.id, parent.strip(), _PART, issue.where)


def _link(entry: object, issue: Issue) -> _Link | None:
    if isinstance(entry, str):
        entry = {"depends_on_id": entry}
    if not isinstance(entry, dict):
        return None
    before = _name(entry, "depends_on_id", "depends_on", "id")
    kind = _name(entry, "type", "dep_type", "dependency_type") or "blocks"
    after = _name(entry, "issue_id") or issue.id
    return _Link(after, before, kind.lower().replace("_", "-"), issue.where) if before else None


def _name(entry: Mapping[str, object], *keys: str) -> str:
    for key in keys:
        value = entry.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def _leads_somewhere(link: _Link, known: Mapping[str, Issue], deleted: Mapping[str, Issue], notes: Notes) -> bool:
    if link.before == link.after:
        notes.add(link.where, f"{link.after or 'an issue'} depends on itself ({link.kind}): ignored")
    elif link.before in known:
        return True
    elif link.before in deleted:
        notes.count(link.where, "a link to an issue that was deleted: ignored")
    elif link.kind in (*_ORDER, _PART, _IF_FAILED):
        notes.add(
            link.where,
            f"{link.after or 'an issue'} depends on {link.before!r} ({link.kind}), which is not here: ignored",
        )
    return False


def _adopt(link: _Link, links: Links, notes: Notes) -> None:
    """Make an issue a part of another, unless it has a parent already or would become a part of itself."""
    other = links.parent.get(link.after)
    if other == link.before:
        return
    if other is not None:
        notes.add(
            link.where, f"{link.after} is a part of {other} already, and cannot be one of {link.before} too: ignored"
        )
    elif link.after in links.ancestors(link.before):
        path = " → ".join([link.after, link.before, *_up_to(links, link.before, link.after)])
        notes.add(
            link.where, f"{link.after} would be a part of itself ({path}): it is not taken for a part of {link.before}"
        )
    else:
        links.parent[link.after] = link.before


def _up_to(links: Links, start: str, goal: str) -> Iterator[str]:
    for name in links.ancestors(start):
        yield name
        if name == goal:
            return
