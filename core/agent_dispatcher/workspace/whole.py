"""The whole on the way: whether a tree that nobody has seen yet is red where the tip it stands on was not.

Work that is green alone can be red together with other work. So a combined tree is looked at as a whole before it lands. What was red on the tip
already is nobody's fault here: it is looked up, and does not keep others from landing (the final checks report it). Nor is a flaky test: what is newly
red is looked at again (:mod:`.second_look`), and what was red and green on one tree is named so in the evidence. A check that falls silent with the change is new, too; where
it could say nothing about the tip either it is nobody's fault, and the evidence says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence, Set
from operator import attrgetter

from attrs import define, evolve, field, frozen

from ..errors import SandboxUnavailable
from ..extension.components import Remembering, Tree, Workspace
from ..models import Evidence
from .examination import Checks, Entry, Examiner, Verdict
from .redness import Failure, beyond, failing, marked, named, new_reasons, reasons
from .second_look import AT_THE_END, OF_ONE, OF_SEVERAL, Looks, look_again, look_there

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


@define
class _Seen:
    """A tree that was looked at.

    Attributes:
        finished: the tasks whose work is in it, if these are all of the plan.
        flaky: what was red and green on it, or on the tip.
        alone: what is red also when nothing else runs.
        needy: what is red alone on the tip, too, so that only looks at everything tell.
        twice: what is newly red has been looked at again.
    """

    tree: str
    evidence: tuple[Evidence, ...] = ()
    finished: frozenset[str] | None = None
    flaky: dict[Failure, str] = field(factory=dict)
    alone: frozenset[Failure] = frozenset()
    needy: frozenset[Failure] = frozenset()
    twice: bool = False

    def red(self) -> frozenset[Failure]:
        """What is red, and not by chance."""
        return failing(self.evidence) - self.flaky.keys()


class Whole:
    """Looks at whole trees, and remembers what was red on the tip.

    Args:
        workspace: shows the tip.
        examiner: asks the checks.
    """

    def __init__(self, workspace: Workspace, examiner: Examiner) -> None:
        self._workspace = workspace
        self._examiner = examiner
        self._red_at: dict[str, frozenset[Failure]] = {}
        self._seen = _Seen("")

    async def is_due(self, entry: Entry, staged: Tree) -> bool:
        """Whether one change by itself has to be looked at with the whole: unless it is a first attempt, made on the very tip, that only adds files
        which no test can notice."""
        change = entry.change
        if not change.paths or not self._examiner.asked_of_the_whole():
            return False
        workspace = self._workspace
        if change.base != staged.tip or entry.attempt > 1 or not isinstance(workspace, Remembering):
            return True
        if len(change.paths) > _MOST_PATHS:
            return True
        if any([await workspace.content(change.base, path) is not None for path in change.paths]):
            return True
        reached = await asyncio.to_thread(self._examiner.reaches_tests, change.paths, staged)
        log.debug(
            "%s is %s", change.task, f"looked at with the whole: {reached}" if reached else "out of reach of tests"
        )
        return bool(reached)

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
            return await self._look(staged, landed, entries, asked)
        except SandboxUnavailable as error:
            why = f"the checks could not run: {error}"
            return Look(refusal=Verdict(landed=None, why=why, permanent=True))

    async def _look(self, staged: Tree, landed: Set[str], entries: Sequence[Entry], asked: Checks) -> Look:
        there = {*landed, *(entry.task.id for entry in entries)}
        if self._seen.tree != staged.tree:
            finished = self._examiner.holds_all(there)
            evidence = await self._examiner.whole(staged, there, asked, finished=finished)
            self._seen = _Seen(staged.tree, evidence, finished=frozenset(there) if finished else None)
        seen = self._seen
        if not seen.red():
            return Look(evidence=marked(seen.evidence, flaky=seen.flaky))
        if staged.tip not in self._red_at:
            tip = await self._workspace.checkout_tip()
            self._red_at = {tip.tip: failing(await self._examiner.whole(tip, landed, asked))}
            return Look(again=True)
        new = beyond(seen.red(), self._red_at[staged.tip])
        if new and not seen.twice:
            await self._look_twice(seen, new, staged, there, asked, OF_ONE if len(entries) == 1 else OF_SEVERAL)
            new = beyond(seen.red(), self._red_at[staged.tip])
        if new and len(entries) == 1:
            if await self._excused(seen, new, staged.tip, landed, asked):
                return Look(again=True)
            new = beyond(seen.red(), self._red_at[staged.tip])
        if new:
            self._seen = _Seen("")  # the same tree in another attempt is looked at again
            return Look(refusal=_refusal(seen, new))
        if seen.red():
            log.warning("the tip %s was red already: %s", staged.tip, reasons(seen.evidence))
        return Look(evidence=marked(seen.evidence, flaky=seen.flaky))

    async def _look_twice(
        self, seen: _Seen, new: Set[Failure], staged: Tree, landed: Set[str], asked: Checks, looks: Looks
    ) -> None:
        """Tell what is broken on the staged tree from what is flaky."""

        async def ask(only: Set[Failure] | None) -> tuple[Evidence, ...]:
            time = "-alone" if only is not None else "-again"
            return await self._examiner.whole(staged, landed, asked, only=only, time=time)

        found = await look_again(seen.evidence, new, ask, needy=seen.needy, looks=looks)
        seen.twice, seen.evidence, seen.alone = True, found.evidence, found.alone
        self._note(seen, found.flaky)

    async def _excused(self, seen: _Seen, new: Set[Failure], expected: str, landed: Set[str], asked: Checks) -> bool:
        """Whether the staged tree is to be seen anew, because the tip is not always green in just these places."""
        if named(new) != new:
            return False
        tip = await self._workspace.checkout_tip()
        if tip.tip != expected:
            return True  # somebody moved the branch: all of it is to be seen anew

        async def ask(only: Set[Failure] | None) -> tuple[Evidence, ...]:
            time = "-alone" if only is not None else "-again"
            return await self._examiner.whole(tip, landed, asked, only=only, time=time)

        found = await look_there(new, seen.alone, ask)
        self._note(seen, found.flaky)
        if found.broken:
            return False
        if found.needy:
            seen.needy, seen.twice = seen.needy | found.needy, False
        return True

    @staticmethod
    def _note(seen: _Seen, flaky: Mapping[Failure, str]) -> None:
        seen.flaky.update(flaky)
        for (check, name), why in flaky.items():
            log.warning("flaky, red in one run and green in another one of the same tree: %s: %s: %s", check, name, why)

    async def settled(self, tip: Tree, landed: Set[str], asked: Checks) -> tuple[Evidence, ...]:
        """Evidence about the finished whole; what is flaky does not fail it, and is named.

        What a check said of its very tree when the last work landed, as of the finished whole, is its evidence if nothing was red then.
        """
        seen = self._seen
        same = (seen.tree, seen.finished) == (tip.tree, landed) and not seen.twice and not failing(seen.evidence)
        known = {
            each.check: evolve(
                each, id=f"final-{each.check}", details={**each.details, "looked_at": "when the last work landed"}
            )
            for each in (seen.evidence if same else ())
            if each.passed and each.details.get("as_finished")
        }
        rest = [(name, check) for name, check in asked if name not in known]
        evidence = (*known.values(), *(await self._examiner.final(tip, landed, rest) if rest else ()))
        red = failing(evidence)
        if not red:
            return evidence

        async def ask(only: Set[Failure] | None) -> tuple[Evidence, ...]:
            time = "-alone" if only is not None else "-again"
            return await self._examiner.final(tip, landed, asked, only=only, time=time)

        found = await look_again(evidence, red, ask, looks=AT_THE_END)
        return marked(found.evidence, flaky=found.flaky, on_tip=False)

    def landed(self, commit: str, tree: str) -> None:
        """The tip is ``commit`` now: what was seen of its tree holds for it."""
        self._red_at = {commit: self._seen.red()} if self._seen.tree == tree else {}


def _refusal(seen: _Seen, new: frozenset[Failure]) -> Verdict:
    why = f"together with what landed meanwhile the whole is red: {new_reasons(seen.evidence, new, seen.flaky)}"
    return Verdict(landed=None, why=why, evidence=marked(seen.evidence, new=new, flaky=seen.flaky))
