"""What stands in a row of the page's lists: requirements with their proof, tasks with their attempts, and what went wrong."""

from __future__ import annotations

from attrs import field, frozen

from .provenance import Provenance
from .words import Badge

__all__ = ["FindingRow", "Link", "Problem", "Proof", "RequirementRow", "TaskRow", "TryRow", "WholeRow"]


@frozen
class Link:
    """A name that leads to a place on the page; ``note`` says why it is here."""

    text: str
    anchor: str
    note: str = ""


@frozen(kw_only=True)
class Proof:
    """A check that ran."""

    check: str
    badge: Badge
    summary: str
    tree: str
    log: str | None
    proves: bool
    facts: tuple[tuple[str, str], ...] = ()
    output: str = ""


@frozen(kw_only=True)
class FindingRow:
    """Something that was found wrong at one place."""

    badge: Badge
    place: str
    rule: str
    what: str
    quote: str
    task: Link


@frozen(kw_only=True)
class WholeRow:
    """A check of the whole tree with the work of ``tasks``, and of ``more`` others, newly in it."""

    tree: str
    tasks: tuple[Link, ...]
    more: int
    proofs: tuple[Proof, ...]


@frozen(kw_only=True)
class TryRow:
    """An attempt: when it worked, what it had to wait for, how it ended."""

    number: int
    agent: str
    start: str
    work: str
    waits: tuple[str, ...]
    badge: Badge
    message: str
    proofs: tuple[Proof, ...] = ()


@frozen(kw_only=True)
class TaskRow:
    """A task with everything that is known of it."""

    anchor: str
    name: str
    source_id: str
    badge: Badge
    type: str
    style: str
    agent: str
    attempts: int
    work: str
    commit: str
    group: str
    description: str
    source: str
    critical: bool
    error: str
    waits_for: tuple[Link, ...]
    gated_by: tuple[Link, ...]
    excludes: tuple[Link, ...]
    requirements: tuple[str, ...]
    produces: tuple[str, ...]
    proofs: tuple[Proof, ...]
    tries: tuple[TryRow, ...]
    provenance: Provenance | None = None
    steps: tuple[tuple[str, Badge], ...] = ()

    @property
    def checks(self) -> str:
        """The checks of the tree that landed, in a few words."""
        if not self.proofs:
            return "unchecked" if self.badge.word == "completed" else ""
        red = sum(proof.badge.word == "expected red" for proof in self.proofs)
        passed = sum(proof.badge.tone == "good" for proof in self.proofs)
        failed = len(self.proofs) - red - passed
        parts = [
            f"{passed} passed" if passed else "",
            f"{red} expected red" if red else "",
            f"{failed} failed" if failed else "",
        ]
        return ", ".join(part for part in parts if part)


@frozen(kw_only=True)
class RequirementRow:
    """A requirement, its verdict, and for each task that serves it the commit and the checks."""

    anchor: str
    id: str
    text: str
    priority: str
    source: str
    badge: Badge
    why: str
    tasks: tuple[TaskRow, ...]

    @property
    def open(self) -> bool:
        """Whether the details are shown without being asked for."""
        return self.badge.tone != "good"


@frozen(kw_only=True)
class Problem:
    """Something that went wrong, with all that was said about it."""

    link: Link
    badge: Badge
    agent: str
    messages: tuple[tuple[str, str], ...] = field(default=())
