"""What checks say about a staged tree: about one piece of sealed work in it, and about the whole of it."""

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
    ConflictSides,
    Landed,
    Language,
    Reaching,
    Remembering,
    Sandbox,
    Tree,
    Workspace,
)
from ..making import maker
from ..models import Evidence, ExecutionPlan, Task
from ..provenance.scrubbing import Scrubber, changed
from .redness import Failure, reasons
from .watched_sandbox import WatchedSandbox

__all__ = [
    "Checks",
    "Entry",
    "Examiner",
    "Verdict",
    "in_conflict",
    "make_entry",
    "make_verdict",
]

log = logging.getLogger(__name__)

#: Checks under the names they were chosen by.
Checks = Sequence[tuple[str, Check]]


@frozen(kw_only=True, weakref_slot=False)
class Entry:
    """Sealed work that is to land."""

    task: Task
    change: Change
    attempt: int


make_entry: Callable[[Task, Change, int], Entry] = maker(Entry)


@frozen(kw_only=True, weakref_slot=False)
class Verdict:
    """What became of a sealed change.

    Attributes:
        landed: where it is now; ``None`` when it was refused, or only inspected.
        evidence: of the checks that had something to look at, in their order; of a change that the whole refused also the evidence of that.
        why: the reason for a refusal, ``""`` when there is none.
        conflict: paths that others changed meanwhile.
        sides: what they and the change made of them.
        permanent: another attempt would be refused in the same way.
        tip, tree: of an inspection that refused nothing: what the change was checked on top of, and what it gave.
    """

    landed: Landed | None
    evidence: tuple[Evidence, ...] = ()
    why: str = ""
    conflict: tuple[str, ...] = ()
    sides: tuple[ConflictSides, ...] = ()
    permanent: bool = False
    tip: str = ""
    tree: str = ""


make_verdict: Callable[..., Verdict] = maker(Verdict)


class Examiner:
    """Asks the checks of one run.

    Args:
        checks: name and check, in the order of their evidence. One that has a true attribute ``needs_files`` is not asked about a task
            that promised, verified and changed nothing.
        checks_by_type: task type -> checks for tasks of that type only, beside ``checks``.
        sandbox: what checks run commands in.
        language: the active language.
        plan: the plan of the run.
        run_dir: where the run's evidence is kept.
        workspace: shows checks files as they were, if it can.
        scrubber: takes keys out of what checks say, and of their logs.
    """

    def __init__(
        self,
        *,
        checks: Checks,
        checks_by_type: Mapping[str, Checks],
        sandbox: Sandbox,
        language: Language | None,
        plan: ExecutionPlan,
        run_dir: Path,
        workspace: Workspace,
        scrubber: Scrubber | None = None,
    ) -> None:
        self._scrubber = scrubber or Scrubber()
        self._checks = tuple(checks)
        self._checks_of_nothing: dict[str, Checks] = {}
        self._checks_by_type = checks_by_type
        self._sandbox = sandbox
        self._language = language
        self._run_dir = run_dir
        self._workspace = workspace
        self.plan = plan
        self._of_the_whole: tuple[ExecutionPlan | None, Checks] = (None, ())

    def asked(self, entry: Entry) -> Checks:
        """The checks that have something to say about sealed work."""
        task = entry.task
        if task.produces or task.verifies or entry.change.paths:
            own = self._checks_by_type.get(task.type, ())
            checks: Checks = (*self._checks, *own) if own else self._checks
        else:
            checks = self._of_nothing(task.type)
        return [(name, check) for name, check in checks if check.applies(task, self.plan)] if checks else ()

    def _of_nothing(self, task_type: str) -> Checks:
        """Those that may have something to say about a task that promised, verified and changed nothing."""
        checks = self._checks_of_nothing.get(task_type)
        if checks is None:
            every = (*self._checks, *self._checks_by_type.get(task_type, ()))
            checks = tuple((name, check) for name, check in every if not _needs_files(check, task_type))
            self._checks_of_nothing[task_type] = checks
        return checks

    def asked_of_the_whole(self) -> Checks:
        """The checks that have something to say about all of a tree. They are asked once for each plan."""
        plan, checks = self._of_the_whole
        if plan is not self.plan:
            plan, checks = self.plan, [each for each in self._checks if each[1].applies(None, self.plan)]
            self._of_the_whole = plan, checks
        return checks

    def holds_all(self, landed: Set[str]) -> bool:
        """Whether that is the work of every task of the plan."""
        tasks = self.plan.tasks
        return 0 < len(tasks) <= len(landed) and all(task.id in landed for task in tasks)

    def reaches_tests(self, added: Sequence[str], tree: Tree) -> str:
        """How tests could notice added files; see :class:`.Reaching`. A language that cannot tell is not trusted to."""
        language = self._language
        if not isinstance(language, Reaching):
            return "the language cannot tell what tests notice"
        try:
            return language.reaches_tests(added, tree.path)
        except Exception as error:
            log.warning("the language %s failed to tell what tests notice: %r", language.name, error)
            return f"it could not be told: {error!r}"

    async def judge(self, entry: Entry, staged: Tree, landed: Set[str], asked: Checks) -> Verdict:
        """What the checks say about work in a staged tree, by itself; of the other changes in the tree they are not told.

        Args:
            landed: ids of the tasks whose work is in the tree, without this one.
        """
        if not asked:
            return Verdict(landed=None, tip=staged.tip, tree=staged.tree)
        tree = evolve(staged, changes=(entry.change,)) if len(staged.changes) > 1 else staged
        context = self._context(tree, frozenset((*landed, entry.task.id)), entry.attempt)
        try:
            evidence = await self._clean(_all_of(asked, entry.task, context, f"{entry.task.id}-{entry.attempt}"))
        except SandboxUnavailable as error:
            return _could_not_run(error)
        return Verdict(landed=None, evidence=evidence, why=reasons(evidence), tip=staged.tip, tree=staged.tree)

    async def whole(
        self,
        tree: Tree,
        landed: Set[str],
        asked: Checks,
        *,
        only: Set[Failure] | None = None,
        time: str = "",
        finished: bool = False,
    ) -> tuple[Evidence, ...]:
        """Evidence about a tree on the way, with ids and logs that name the tree.

        Args:
            finished: it holds all work of the plan.
            only: ask about nothing but these, and no other checks.
            time: tells one look at a tree from another.

        Raises:
            SandboxUnavailable: the checks could not run.
        """
        context = evolve(self._context(tree, landed, 1), on_the_way=True, complete=finished)
        return await self._clean(_about_the_whole(asked, context, f"whole-{tree.tree[:12]}{time}", only))

    async def final(
        self, tree: Tree, landed: Set[str], asked: Checks, *, only: Set[Failure] | None = None, time: str = ""
    ) -> tuple[Evidence, ...]:
        """Evidence about the finished whole; arguments as in :meth:`whole`."""
        context = self._context(tree, landed, 1)
        if not time:
            return await self._clean(_all_of(asked, None, context, "final"))
        return await self._clean(_about_the_whole(asked, context, f"final{time}", only))

    async def _clean(self, said: Awaitable[tuple[Evidence, ...]]) -> tuple[Evidence, ...]:
        """What checks say, without keys: tests print what they find, also into their logs."""
        evidence = await said
        if any(one.log for one in evidence):
            await asyncio.to_thread(_clean_logs, evidence, self._run_dir, self._scrubber)
        clean = self._scrubber
        return tuple(
            changed(one, summary=clean.words(one.summary), details=clean.value(one.details)) for one in evidence
        )

    def _context(self, tree: Tree, landed: Set[str], attempt: int) -> CheckContext:
        return CheckContext(
            tree=tree,
            sandbox=self._sandbox,
            language=self._language,
            plan=self.plan,
            landed=frozenset(landed),
            log_dir=self._run_dir / "evidence",
            run_dir=self._run_dir,
            attempt=attempt,
            before=self._before(tree),
        )

    def _before(self, tree: Tree) -> Callable[[str], Awaitable[bytes | None]] | None:
        """How checks see files as they were, where the workspace can tell."""
        workspace = self._workspace
        return partial(workspace.content, tree.tip) if isinstance(workspace, Remembering) else None


def in_conflict(found: Conflict) -> Verdict:
    """The refusal of a change that does not fit on the tip."""
    detail = f": {found.detail}" if found.detail else ""
    why = f"conflict with what landed meanwhile in {', '.join(found.paths)}{detail}"
    return Verdict(landed=None, why=why, conflict=found.paths, sides=found.sides)


def _could_not_run(error: SandboxUnavailable) -> Verdict:
    return Verdict(landed=None, why=f"the checks could not run: {error}", permanent=True)


def _needs_files(check: Check, task_type: str) -> bool:
    """Whether a check has nothing to say about a task of this type that promised, verified and changed nothing."""
    needs = getattr(check, "needs_files", False)
    return bool(needs(task_type) if callable(needs) else needs)


async def _about_the_whole(
    asked: Checks, context: CheckContext, key: str, only: Set[Failure] | None
) -> tuple[Evidence, ...]:
    """What the checks say about a whole tree, or only about what is given; each look has a folder of logs."""
    context = evolve(context, log_dir=context.log_dir / key)
    if only is None:
        return await _all_of(asked, None, context, key)
    found: list[Evidence] = []
    for name, check in asked:
        names = tuple(sorted(what for where, what in only if where == name))
        if names:
            found += await _all_of([(name, check)], None, evolve(context, only=names), key)
    return tuple(found)


async def _all_of(asked: Checks, task: Task | None, context: CheckContext, prefix: str) -> tuple[Evidence, ...]:
    """What the checks say, all at once; without what had nothing to look at."""
    waiting = [asyncio.ensure_future(_one(name, check, task, context, f"{prefix}-{name}")) for name, check in asked]
    try:
        found = await asyncio.gather(*waiting)
    except BaseException:
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        raise
    return tuple(item for item in found if not (item.passed and item.details.get("vacuous")))


async def _one(name: str, check: Check, task: Task | None, context: CheckContext, key: str) -> Evidence:
    """One check's evidence under the name it was chosen by, with its duration and what it ran; an exception is evidence that did not pass."""
    began = time.monotonic()
    ran: list[dict[str, object]] = []
    if context.sandbox and getattr(check, "needs_sandbox", True):
        sandbox = WatchedSandbox(context.sandbox)
        context, ran = evolve(context, sandbox=sandbox), sandbox.ran
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
        details: dict[str, object] = {"could_not_run": True, **_commands(ran)}
        return Evidence(id=key, check=name, passed=False, tree=context.tree.tree, summary=summary, details=details)
    details = {**found.details, "duration_s": round(time.monotonic() - began, 3), **_commands(ran)}
    return evolve(found, id=key, check=name, tree=context.tree.tree, details=details)


def _clean_logs(evidence: Sequence[Evidence], run_dir: Path, scrubber: Scrubber) -> None:
    for one in evidence:
        log_file = run_dir / one.log
        if one.log and log_file.is_file():
            said = log_file.read_text(encoding="utf-8", errors="surrogateescape")
            clean = scrubber.text(said)
            if clean is not said:
                log_file.write_text(clean, encoding="utf-8", errors="surrogateescape")


def _commands(ran: list[dict[str, object]]) -> dict[str, object]:
    """What a check ran, for the details of its evidence."""
    return {"commands": ran} if ran else {}
