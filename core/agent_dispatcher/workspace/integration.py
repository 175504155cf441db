"""Finished work becomes part of the whole here, one change at a time, and only with evidence.

A sealed change is put on top of what has landed, checked there, its evidence recorded, and then the branch is moved; if the branch moved
meanwhile, all of that is done again on the new tip. Nothing lands that a check refused, and no check is passed by failing to run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

from ..errors import DispatcherError, SandboxUnavailable
from ..extension.components import (
    Change,
    Check,
    CheckContext,
    Conflict,
    Landed,
    Language,
    Moved,
    Remembering,
    Sandbox,
    Tree,
    Workspace,
)
from ..failpoints import failpoint
from ..models import Evidence, ExecutionPlan, Task

__all__ = ["Integration", "Record", "Verdict"]

log = logging.getLogger(__name__)

#: Told the tree and its evidence before the branch moves; must not return before they are kept.
Record = Callable[[str, tuple[Evidence, ...]], Awaitable[None]]

#: Checks under the names they were chosen by.
Checks = Sequence[tuple[str, Check]]

_MOST_MOVES = 20


@frozen(kw_only=True)
class Verdict:
    """What became of a sealed change.

    Attributes:
        landed: where it is now; ``None`` when it was refused, or only inspected.
        evidence: of the checks that had something to look at, in their order.
        why: the reason for a refusal, ``""`` when there is none.
        conflict: paths that others changed meanwhile.
        permanent: another attempt would be refused in the same way.
        tip, tree: of an inspection that refused nothing: what the change was checked on top of, and what it gave.
    """

    landed: Landed | None
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    conflict: tuple[str, ...] = ()
    permanent: bool = False
    tip: str = ""
    tree: str = ""


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
    ) -> None:
        self._workspace = workspace
        self._checks = tuple(checks)
        self._checks_of_nothing = tuple((name, check) for name, check in checks if not _needs_files(check))
        self._checks_by_type = checks_by_type or {}
        self._sandbox = sandbox
        self._language = language
        self._plan = plan
        self._run_dir = run_dir
        self._lane = asyncio.Lock()

    def use(self, plan: ExecutionPlan) -> None:
        """Go by this plan from now on."""
        self._plan = plan

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
        async with self._lane:
            for _ in range(_MOST_MOVES):
                staged = await self._workspace.stage([change])
                if isinstance(staged, Conflict):
                    return _in_conflict(staged)
                evidence: tuple[Evidence, ...] = ()
                if passed_on != (staged.tip, staged.tree) and (asked := self._asked(task, staged)):
                    verdict = await self._judge(task, staged, landed, attempt, asked)
                    if verdict.why:
                        return verdict
                    evidence = verdict.evidence
                failpoint("integration.checked")
                await record(staged.tree, evidence)
                failpoint("integration.recorded")
                outcome = await self._workspace.land(staged, staged.tip)
                if isinstance(outcome, Moved):
                    log.info("the branch moved to %s while %s was checked; staging it again", outcome.tip, task.id)
                    continue
                return Verdict(landed=outcome, evidence=evidence)
        return Verdict(landed=None, why=f"the branch moved {_MOST_MOVES} times while the work was checked")

    async def inspect(self, task: Task, change: Change, landed: Set[str], attempt: int, record: Record) -> Verdict:
        """Check a change on the combined tree without landing it; arguments as in :meth:`land`.

        Returns:
            Why it is refused, or what it was checked on; then its evidence is recorded.
        """
        async with self._lane:
            staged = await self._workspace.stage([change])
            if isinstance(staged, Conflict):
                return _in_conflict(staged)
            verdict = await self._judge(task, staged, landed, attempt, self._asked(task, staged))
            if not verdict.why:
                await record(staged.tree, verdict.evidence)
            return verdict

    def _asked(self, task: Task, staged: Tree) -> Checks:
        """The checks that have something to say about staged work."""
        something = task.produces or task.verifies or any(change.paths for change in staged.changes)
        checks = self._checks if something else self._checks_of_nothing
        own = self._checks_by_type.get(task.type, ())
        if own:
            checks = (*checks, *(each for each in own if something or not _needs_files(each[1])))
        return [(name, check) for name, check in checks if check.applies(task, self._plan)]

    async def _judge(self, task: Task, staged: Tree, landed: Set[str], attempt: int, asked: Checks) -> Verdict:
        """What the checks say about staged work."""
        try:
            evidence = await self._examine(task, staged, landed, attempt, asked)
        except SandboxUnavailable as error:
            return Verdict(landed=None, why=f"the checks could not run: {error}", permanent=True)
        refused = [item for item in evidence if not item.passed and not item.expected_red]
        why = "; ".join(f"{item.check}: {item.summary}" for item in refused)
        return Verdict(landed=None, evidence=evidence, why=why, tip=staged.tip, tree=staged.tree)

    async def final(self, landed: Set[str]) -> tuple[Evidence, ...]:
        """Evidence about the finished whole; empty when no check has anything to say about it."""
        asked = [(name, check) for name, check in self._checks if check.applies(None, self._plan)]
        if not asked:
            return ()
        async with self._lane:
            return await self._examine(None, await self._workspace.checkout_tip(), landed, 1, asked)

    async def _examine(
        self, task: Task | None, tree: Tree, landed: Set[str], attempt: int, asked: Checks
    ) -> tuple[Evidence, ...]:
        if not asked:
            return ()
        context = CheckContext(
            tree=tree,
            sandbox=self._sandbox,
            language=self._language,
            plan=self._plan,
            landed=frozenset(landed) if task is None else frozenset((*landed, task.id)),
            log_dir=self._run_dir / "evidence",
            run_dir=self._run_dir,
            attempt=attempt,
            before=self._before(tree),
        )
        prefix = f"{task.id}-{attempt}" if task is not None else "final"
        waiting = [asyncio.ensure_future(_one(name, check, task, context, f"{prefix}-{name}")) for name, check in asked]
        try:
            found = await asyncio.gather(*waiting)
        except BaseException:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            raise
        return tuple(item for item in found if not (item.passed and item.details.get("vacuous")))

    def _before(self, tree: Tree) -> Callable[[str], Awaitable[bytes | None]] | None:
        """How checks see files as they were, where the workspace can tell."""
        workspace = self._workspace
        return partial(workspace.content, tree.tip) if isinstance(workspace, Remembering) else None


def _needs_files(check: Check) -> bool:
    """Whether a check has nothing to say about a task that promised, verified and changed nothing."""
    return bool(getattr(check, "needs_files", False))


def _in_conflict(found: Conflict) -> Verdict:
    detail = f": {found.detail}" if found.detail else ""
    why = f"conflict with what landed meanwhile in {', '.join(found.paths)}{detail}"
    return Verdict(landed=None, why=why, conflict=found.paths)


async def _one(name: str, check: Check, task: Task | None, context: CheckContext, key: str) -> Evidence:
    """One check's evidence under the name it was chosen by, with its duration; an exception is evidence that did not pass."""
    began = time.monotonic()
    try:
        found = await check.check(task, context)
        if not isinstance(found, Evidence):
            raise TypeError(f"it returned {type(found).__name__} instead of Evidence")
    except SandboxUnavailable:
        raise
    except Exception as error:
        # What the dispatcher raises itself says what to do; only of a fault in the check a reader needs the traceback.
        log.warning("check %s failed to run: %s", name, error, exc_info=not isinstance(error, DispatcherError))
        summary = f"the check {name} could not run: {type(error).__name__}: {error}"
        return Evidence(id=key, check=name, passed=False, tree=context.tree.tree, summary=summary)
    details = {**found.details, "duration_s": round(time.monotonic() - began, 3)}
    return evolve(found, id=key, check=name, tree=context.tree.tree, details=details)
