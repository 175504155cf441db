"""The lines of an export: each one issue, wherever it stands. Their order means nothing, as the file is sorted by random ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import plain_json

from ..task_master.fields import Notes

__all__ = ["Issue", "read_issues"]

#: So many broken lines are told.
_MOST_PROBLEMS = 20
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


@frozen(kw_only=True, eq=False)
class Issue:
    """An issue as it is written.

    Attributes:
        id: as written, ``""`` without one.
        values: its object.
        line: from 1.
        where: ``file:line``.
    """

    id: str
    values: Mapping[str, object]
    line: int
    where: str

    def text(self, key: str, notes: Notes) -> str:
        """A text without space around it; a number as text; ``""`` (and a warning) for what is neither."""
        value = self.values.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return "\n".join(f"- {each.strip()}" for each in value if each.strip())
        notes.add(self.where, f"{key!r} of {self.name} must be a text: not used")
        return ""

    def whole(self, key: str) -> int | None:
        """A whole number, also one that is written as text (``"2"`` or ``"P2"``); else ``None``."""
        value = self.values.get(key)
        if isinstance(value, str):
            digits = value.strip().upper().removeprefix("P")
            value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.id or "an issue without an id"


def read_issues(text: str, shown: str, notes: Notes) -> tuple[Issue, ...]:
    """The issues in the order of the file; of lines with one id only the newest.

    Raises:
        SpecificationError: a line is no JSON, so that nobody knows which issue is missing; or there is no issue at all.
    """
    problems: list[Problem] = []
    issues: list[Issue] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            issue = _issue(line, number, shown, notes, problems)
            if issue is not None:
                issues.append(issue)
        if len(problems) >= _MOST_PROBLEMS:
            break
    if problems:
        raise SpecificationError(problems)
    if not issues:
        raise SpecificationError(
            Problem("there is no issue in it", f"{shown}:1", "export the issues: bd export -o FILE")
        )
    return tuple(_newest(issues, notes))


def _issue(line: str, number: int, shown: str, notes: Notes, problems: list[Problem]) -> Issue | None:
    where = f"{shown}:{number}"
    if line.startswith(_CONFLICT):
        problems.append(Problem("a merge conflict that nobody resolved", where, "resolve it, then plan again"))
        return None
    try:
        value = plain_json(line, shown, max_bytes=len(line) * 4 + 8)
    except SpecificationError as error:
        problems += [_moved(problem, shown, number) for problem in error.problems]
        return None
    if not isinstance(value, dict):
        notes.add(where, "a line must be an object with an issue: not used")
        return None
    name = value.get("id")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip():
        if not isinstance(value.get("title"), str):
            notes.count(where, "a line without 'id' and 'title' is no issue: not used")
            return None
        notes.add(where, "an issue without an id: nothing can name it, and its status cannot be written")
        name = ""
    return Issue(id=name.strip(), values=value, line=number, where=where)


def _moved(problem: Problem, shown: str, number: int) -> Problem:
    """The place of a fault in one line as a place in the file."""
    _, _, column = problem.where.removeprefix(shown).rpartition(":")
    where = f"{shown}:{number}:{column}" if column.isdigit() else f"{shown}:{number}"
    return Problem(
        problem.what, where, problem.remedy or "mend the line, or take it out: its issue is then not planned"
    )


def _newest(issues: Sequence[Issue], notes: Notes) -> Iterator[Issue]:
    """Of lines with one id the one that was changed last, as ``bd`` itself merges them; of equally new ones the later line."""
    chosen: dict[str, Issue] = {}
    for issue in issues:
        other = chosen.get(issue.id) if issue.id else None
        if other is None:
            chosen[issue.id] = issue
            continue
        kept, dropped = (other, issue) if _changed(other) > _changed(issue) else (issue, other)
        chosen[issue.id] = kept
        notes.add(
            issue.where, f"{issue.id} is there twice (also {other.where}): {kept.where} counts, {dropped.where} not"
        )
    for issue in issues:
        if not issue.id or chosen[issue.id] is issue:
            yield issue


def _changed(issue: Issue) -> str:
    value = issue.values.get("updated_at")
    return value if isinstance(value, str) else ""
