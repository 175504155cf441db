"""Finished work becomes part of the whole here, and only with evidence.

Sealed changes are put on top of what has landed, checked there, their evidence recorded, and then the branch is moved; if the branch moved
meanwhile, all of that is done again on the new tip. Nothing lands that a check refused, and no check is passed by failing to run.

One change that was made on the very tip and only adds files which no test can notice is judged by the checks that concern it. Any other tree, because
several changes are put together, because something landed since the change was begun, or because it changes what others wrote or see, is also judged as
a whole (see
:mod:`agent_dispatcher.workspace.whole`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol

from ..extension.components import Change, Check, Conflict, Language, Moved, Sandbox, Tree, Workspace
from ..failpoints import failpoint
from ..models import Evidence, ExecutionPlan, Task
from ..provenance.scrubbing import Scrubber
from .examination import Checks, Entry, Examiner, Verdict, in_conflict
from .train import RecordTogether, Told, Train
from .whole import Whole

__all__ = ["Integration", "Record", "Verdict"]

log = logging.getLogger(__name__)

_MOST_MOVES = 20


class Record(Protocol):
    """Told the tree and its evidence before the branch moves; must not return before they are kept."""

    def __call__(
        self, tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = (), /
    ) -> Awaitable[None]:
        """Keep ``evidence`` about the change, and about the whole tree."""
        ...


class Integration:
    """Lands changes of one run.

    Args:
        workspace: keeps the branch.
        checks: name and check, in the order of their evidence. One that has a true attribute ``needs_files`` is not asked about a task
            that promised, verified and changed nothing.
        checks_by_type: task type -> checks for tasks of that type only, beside ``checks``.
        sandbox: what checks run commands in.
        language: the active language.
        plan: the plan of the run.
        run_dir: where the run's evidence is kept.
        scrubber: takes keys out of what checks say, and of their logs.
    """

    def __init__(
        self,
        *,
        workspace: Workspace,
        checks: Sequence[tuple[str, Check]],
        sandbox: Sandbox,
        language: Language | None,
        plan: ExecutionPlan,
        run_dir: Path,
        checks_by_type: Mapping[str, Sequence[tuple[str, Check]]] | None = None,
        scrubber: Scrubber | None = None,
    ) -> None:
        self._workspace = workspace
        self._examiner = Examiner(
            checks=checks,
            checks_by_type=checks_by_type or {},
            sandbox=sandbox,
            language=language,
            plan=plan,
            run_dir=run_dir,
            workspace=workspace,
            scrubber=scrubber,
        )
        self._whole = Whole(workspace, self._examiner)
        self._train = Train(workspace, self._examiner, self._whole)
        self._lane = asyncio.Lock()

    def use(self, plan: ExecutionPlan) -> None:
        """Go by this plan from now on."""
        self._examiner.plan = plan

    async def land(
        self,
        task: Task,
        change: Change,
        landed: Set[str],
        attempt: int,
        record: Record,
        passed_on: tuple[str, str] | None = None,
    ) -> Verdict:
        """Check a change on the combined tree and land it.

        Args:
            task: whose change it is.
            change: the sealed work.
            landed: ids of tasks whose work is in the tip.
            attempt: which attempt sealed it.
            record: awaited with the evidence before the branch moves.
            passed_on: tip and tree of an inspection that refused nothing; on just these the checks are not run again.

        Returns:
            Where it landed, or why not. An *expected red* is no refusal.
        """
        entry = Entry(task=task, change=change, attempt=attempt)
        async with self._lane:
            for _ in range(_MOST_MOVES):
                staged = await self._workspace.stage([change])
                if isinstance(staged, Conflict):
                    return in_conflict(staged)
                evidence: tuple[Evidence, ...] = ()
                whole: tuple[Evidence, ...] = ()
                asked = self._examiner.asked(entry)
                if (asked or change.paths) and passed_on != (staged.tip, staged.tree):
                    seen = await self._examine(entry, staged, landed, asked)
                    if seen is None:
                        continue
                    verdict, whole = seen
                    if verdict.why:
                        return verdict
                    evidence = verdict.evidence
                failpoint("integration.checked")
                await record(staged.tree, evidence, whole)
                failpoint("integration.recorded")
                outcome = await self._workspace.land(staged, staged.tip)
                if isinstance(outcome, Moved):
                    log.info("the branch moved to %s while %s was checked; staging it again", outcome.tip, task.id)
                    continue
                self._whole.landed(outcome.commit, staged.tree)
                return Verdict(landed=outcome, evidence=evidence)
        return Verdict(landed=None, why=f"the branch moved {_MOST_MOVES} times while the work was checked")

    async def land_together(
        self, entries: Sequence[Entry], landed: Set[str], record: RecordTogether, tell: Told
    ) -> None:
        """Land several changes as one batch, and find out which one is to blame when the batch is red.

        Args:
            entries: the sealed work, the most urgent first.
            landed: ids of tasks whose work is in the tip.
            record: awaited with the evidence before the branch moves.
            tell: told each outcome as soon as it is known.
        """
        async with self._lane:
            await self._train.carry(entries, landed, record, tell)

    async def inspect(self, task: Task, change: Change, landed: Set[str], attempt: int, record: Record) -> Verdict:
        """Check a change on the combined tree without landing it; arguments as in :meth:`land`.

        Returns:
            Why it is refused, or what it was checked on; then its evidence is recorded.
        """
        entry = Entry(task=task, change=change, attempt=attempt)
        async with self._lane:
            while True:
                staged = await self._workspace.stage([change])
                if isinstance(staged, Conflict):
                    return in_conflict(staged)
                seen = await self._examine(entry, staged, landed, self._examiner.asked(entry))
                if seen is not None:
                    break
            verdict, whole = seen
            if not verdict.why:
                await record(staged.tree, verdict.evidence, whole)
            return verdict

    async def _examine(
        self, entry: Entry, staged: Tree, landed: Set[str], asked: Checks
    ) -> tuple[Verdict, tuple[Evidence, ...]] | None:
        """What is said about one staged change, and about the whole with it; ``None``: stage it once more."""
        verdict = await self._examiner.judge(entry, staged, landed, asked)
        if verdict.why or not await self._whole.is_due(entry, staged):
            return verdict, ()
        seen = await self._whole.look(staged, landed, (entry,))
        if seen.again:
            return None
        return seen.refusal or verdict, seen.evidence

    async def final(self, landed: Set[str]) -> tuple[Evidence, ...]:
        """Evidence about the finished whole; empty when no check has anything to say about it."""
        asked = self._examiner.asked_of_the_whole()
        if not asked:
            return ()
        async with self._lane:
            return await self._whole.settled(await self._workspace.checkout_tip(), landed, asked)
