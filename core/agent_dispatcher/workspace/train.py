"""The merge train: several sealed changes land as one batch, and the one that spoils it is found.

The changes are staged as a stack, one commit each, and the tree on top is checked: every change by the checks that concern it, all of them as a
whole. A green batch lands with one move of the branch. A red one is halved, and each half goes its way on its own; what is red alone is refused
with the output, and the rest lands. A change that does not fit on the others is set aside and tried again when those are through: refused is only
what does not fit on what has landed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence, Set
from operator import attrgetter

from attrs import evolve, frozen

from ..extension.components import Landed, Moved, Tree, Workspace
from ..failpoints import failpoint
from ..models import Evidence
from .examination import Checks, Entry, Examiner, Verdict, in_conflict, make_verdict
from .whole import Whole

__all__ = ["RecordTogether", "Told", "Train"]

log = logging.getLogger(__name__)

#: Told the tree of a batch, the evidence about each change, and about the whole, before the branch moves; must not return before they are kept.
RecordTogether = Callable[[str, Sequence[tuple[Entry, tuple[Evidence, ...]]], tuple[Evidence, ...]], Awaitable[None]]

#: Told what became of a change.
Told = Callable[[Entry, Verdict], None]

_MOST_MOVES = 20
_WHY = attrgetter("why")
#: Of a change about which no check has anything to say.
_NOTHING_SAID = Verdict(landed=None)


@frozen
class _Wagon:
    """Changes that go together, and how often the branch moved under them."""

    entries: tuple[Entry, ...]
    moves: int = 0


class Train:
    """Lands batches.

    Args:
        workspace: keeps the branch.
        examiner: asks the checks about a change.
        whole: looks at a tree as a whole.
    """

    def __init__(self, workspace: Workspace, examiner: Examiner, whole: Whole) -> None:
        self._workspace = workspace
        self._examiner = examiner
        self._whole = whole
        self._places = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    async def carry(self, entries: Sequence[Entry], landed: Set[str], record: RecordTogether, tell: Told) -> None:
        """Land ``entries`` or refuse them; see :meth:`agent_dispatcher.workspace.integration.Integration.land_together`."""
        passed: set[str] = set()  # landed from this batch
        wagons = deque([_Wagon(tuple(entries))])
        while wagons:
            wagon = wagons.popleft()
            there = landed | passed if passed else landed
            staged, fitting, aside = await self._stage(wagon.entries, tell)
            if aside:
                wagons.append(_Wagon(aside))
            if staged is None:
                continue
            failpoint("train.staged")
            own = await self._judge(fitting, staged, there)
            red = any(map(_WHY, own))
            if red and len(fitting) == 1:
                tell(fitting[0], own[0])
                continue
            whole: tuple[Evidence, ...] = ()
            if not red:
                seen = await self._whole.look(staged, there, fitting)
                if seen.again:
                    wagons.appendleft(evolve(wagon, entries=fitting))
                    continue
                if seen.refusal is not None and len(fitting) == 1:
                    tell(fitting[0], seen.refusal)
                    continue
                red, whole = seen.refusal is not None, seen.evidence
            if red:
                middle = len(fitting) // 2
                failpoint("train.halved")
                wagons.extendleft([_Wagon(fitting[middle:]), _Wagon(fitting[:middle])])
                continue
            evidence = [(entry, verdict.evidence) for entry, verdict in zip(fitting, own, strict=True)]
            await record(staged.tree, evidence, whole)
            failpoint("train.recorded")
            outcome = await self._workspace.land(staged, staged.tip)
            if isinstance(outcome, Moved):
                log.info("the branch moved to %s while a batch was checked; staging it again", outcome.tip)
                self._try_again(evolve(wagon, entries=fitting), wagons, tell)
                continue
            failpoint("train.landed")
            self._whole.landed(outcome.commit, staged.tree)
            if wagons:
                passed.update(entry.task.id for entry in fitting)
            for (entry, about), place in zip(evidence, _places(staged, outcome), strict=True):
                tell(entry, make_verdict(place, about, "", (), (), False, "", ""))

    async def _stage(
        self, entries: tuple[Entry, ...], tell: Told
    ) -> tuple[Tree | None, tuple[Entry, ...], tuple[Entry, ...]]:
        """The tree of all that fits together, what that is, and what has to wait. What does not fit on the tip is refused."""
        fitting, aside = list(entries), list[Entry]()
        while fitting:
            staged = await self._workspace.stage([entry.change for entry in fitting])
            if isinstance(staged, Tree):
                return staged, tuple(fitting), tuple(aside)
            clash = next(place for place, entry in enumerate(fitting) if entry.change.commit == staged.theirs)
            entry = fitting.pop(clash)
            if clash == 0:
                tell(entry, in_conflict(staged))
            else:
                aside.append(entry)
        return None, (), tuple(aside)

    async def _judge(self, entries: Sequence[Entry], staged: Tree, landed: Set[str]) -> Sequence[Verdict]:
        """What the checks that concern each change say on the common tree."""
        asked = [self._examiner.asked(entry) for entry in entries]
        if not any(asked):
            return [_NOTHING_SAID] * len(entries)
        there = {*landed, *(entry.task.id for entry in entries)}

        async def one(entry: Entry, checks: Checks) -> Verdict:
            async with self._places:
                return await self._examiner.judge(entry, staged, there, checks)

        waiting = [asyncio.ensure_future(one(*each)) for each in zip(entries, asked, strict=True)]
        try:
            return await asyncio.gather(*waiting)
        except BaseException:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            raise

    @staticmethod
    def _try_again(wagon: _Wagon, wagons: deque[_Wagon], tell: Told) -> None:
        if wagon.moves + 1 < _MOST_MOVES:
            wagons.appendleft(evolve(wagon, moves=wagon.moves + 1))
            return
        why = f"the branch moved {_MOST_MOVES} times while the work was checked"
        for entry in wagon.entries:
            tell(entry, Verdict(landed=None, why=why))


def _places(staged: Tree, outcome: Landed) -> Sequence[Landed]:
    """Where each change of a batch is now."""
    return staged.stack if len(staged.stack) == len(staged.changes) else [outcome] * len(staged.changes)
