"""The whole on the way: whether a tree that nobody has seen yet is red where the tip it stands on was not.

Work that is green alone can be red together with other work. So a combined tree is looked at as a whole before it lands. What was red on the tip
already is nobody's fault here: it is looked up once, and does not keep others from landing (the final checks report it).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from operator import attrgetter

from attrs import frozen

from ..errors import SandboxUnavailable
from ..extension.components import Remembering, Tree, Workspace
from ..models import Evidence
from .examination import Entry, Examiner, Verdict, failing, reasons

__all__ = ["Look", "Whole"]

log = logging.getLogger(__name__)

_PATHS = attrgetter("change.paths")

#: Files of a change of which it is asked whether they were there before.
_MOST_PATHS = 20


@frozen(kw_only=True)
class Look:
    """What was seen.

    Attributes:
        evidence: about the tree.
        refusal: what the change (or the last of several) is told when the tree is red and the tip was not.
        again: the tip had to be looked at, so that the staged tree is no longer checked out: stage once more.
    """

    evidence: tuple[Evidence, ...] = ()
    refusal: Verdict | None = None
    again: bool = False


_NOTHING_NEW = Look()


class Whole:
    """Looks at whole trees, and remembers what was red on the tip.

    Args:
        workspace: shows the tip.
        examiner: asks the checks.
    """

    def __init__(self, workspace: Workspace, examiner: Examiner) -> None:
        self._workspace = workspace
        self._examiner = examiner
        self._red_at: dict[str, frozenset[tuple[str, str]]] = {}
        self._seen: tuple[str, tuple[Evidence, ...]] = ("", ())

    async def is_due(self, entry: Entry, tip: str) -> bool:
        """Whether one change by itself has to be looked at with the whole: unless it is a first attempt, made on the very tip, that only adds files."""
        change = entry.change
        if not change.paths or not self._examiner.asked_of_the_whole():
            return False
        workspace = self._workspace
        if change.base != tip or entry.attempt > 1 or not isinstance(workspace, Remembering):
            return True
        if len(change.paths) > _MOST_PATHS:
            return True
        return any([await workspace.content(change.base, path) is not None for path in change.paths])

    async def look(self, staged: Tree, landed: Set[str], entries: Sequence[Entry]) -> Look:
        """Look at a staged tree.

        Args:
            landed: ids of tasks whose work is in the tip.
            entries: what is in the tree beside that.
        """
        if not any(map(_PATHS, entries)):
            return _NOTHING_NEW
        asked = self._examiner.asked_of_the_whole()
        if not asked:
            return Look()
        try:
            seen, evidence = self._seen
            if seen != staged.tree:
                evidence = await self._examiner.whole(staged, {*landed, *(entry.task.id for entry in entries)}, asked)
                self._seen = staged.tree, evidence
            red = failing(evidence)
            if red and staged.tip not in self._red_at:
                tip = await self._workspace.checkout_tip()
                self._red_at = {tip.tip: failing(await self._examiner.whole(tip, landed, asked))}
                return Look(again=True)
        except SandboxUnavailable as error:
            why = f"the checks could not run: {error}"
            return Look(refusal=Verdict(landed=None, why=why, permanent=True))
        new = red - self._red_at.get(staged.tip, frozenset())
        if new:
            why = f"together with what landed meanwhile the whole is red: {reasons(evidence)}"
            self._seen = "", ()  # the same tree in another attempt is looked at again
            return Look(evidence=evidence, refusal=Verdict(landed=None, why=why, evidence=evidence))
        if red:
            log.warning("the tip %s was red already: %s", staged.tip, reasons(evidence))
        return Look(evidence=evidence)

    def landed(self, commit: str, tree: str) -> None:
        """The tip is ``commit`` now: what was seen of its tree holds for it."""
        seen, evidence = self._seen
        self._red_at = {commit: failing(evidence)} if seen == tree else {}
