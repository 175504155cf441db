"""What a check must keep to: it passes what is right and nothing else, runs only in the sandbox, and leaves the tree as it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..errors import SandboxUnavailable
from ..extension.components import Change, Check, CheckContext, Completed, Language, Limits, Sandbox, Tree
from ..models import Evidence, ExecutionPlan, Task
from .contract import Contract
from .samples import large_plan, sample_plan

__all__ = ["CheckCase", "CheckContract"]


@frozen(kw_only=True)
class CheckCase:
    """A situation at landing.

    Attributes:
        task: the task whose work lands; ``None`` for the finished whole.
        files: the tree, path to text.
        plan: the plan of the run; one with just that task when left out.
        changed: paths that the landing changes; all files when left out.
        landed: ids of the tasks whose work is in the tree; the task and all it verifies when left out.
    """

    task: Task | None
    files: Mapping[str, str]
    plan: ExecutionPlan | None = None
    changed: tuple[str, ...] | None = None
    landed: frozenset[str] | None = field(default=None)

    def the_plan(self) -> ExecutionPlan:
        """The plan of the case."""
        if self.plan is not None:
            return self.plan
        return sample_plan(self.task) if self.task is not None else sample_plan()


class CheckContract(Contract):
    """Subclass it and override :meth:`make_check`, :meth:`good` and :meth:`bad`, and :meth:`make_sandbox` and :meth:`make_language` where the check uses them."""

    def make_check(self) -> Check:
        """A fresh instance."""
        self.to_override("make_check(self)")

    def good(self) -> CheckCase:
        """A landing that the check must let pass."""
        self.to_override("good(self)")

    def bad(self) -> CheckCase:
        """A landing that it must refuse."""
        self.to_override("bad(self)")

    def make_sandbox(self) -> Sandbox:
        """What it runs commands in; the default refuses every command."""
        return _Refusing()

    def make_language(self) -> Language | None:
        """The active language."""
        return None

    # --- promises -----------------------------------------------------------------------------------------------------

    def test_it_applies_to_what_it_judges(self) -> None:
        """``applies`` says yes to the suite's cases and answers for any task of any plan, the same each time and without effort."""
        for case in (self.good(), self.bad()):
            answer = self.make_check().applies(case.task, case.the_plan())
            self.promise(
                answer is True,
                f"applies gave {answer!r} for a case of the suite",
                "applies is True where the check has something to say",
            )
        plan = large_plan(300)
        for task in (*plan.tasks, None):
            first, second = (self.make_check().applies(task, plan) for _ in range(2))
            sound = isinstance(first, bool) and first == second
            self.promise(
                sound,
                f"applies gave {first!r}, then {second!r}",
                "applies is True or False, and depends on task and plan only",
            )

    def test_good_work_passes(self, tmp_path: Path) -> None:
        """The suite's good case gives evidence that passed."""
        found = self._check(self.good(), tmp_path)
        self.promise(
            found.passed is True, f"good work was refused: {found.summary}", "work that is as it should be passes"
        )

    def test_bad_work_is_refused(self, tmp_path: Path) -> None:
        """The suite's bad case gives evidence that did not pass and says why in one line."""
        found = self._check(self.bad(), tmp_path)
        self.promise(
            found.passed is False and not found.proof,
            f"bad work got {found}",
            "bad work does not pass, and is no proof",
        )
        self.promise(
            found.summary.strip(), "the refusal has no summary", "a refusal says why: it is what the agent is told"
        )

    def test_evidence_can_be_recorded(self, tmp_path: Path) -> None:
        """Evidence names the check and the tree it was taken on, and holds JSON only."""
        for name, case in (("good", self.good()), ("bad", self.bad())):
            found = self._check(case, tmp_path / name)
            self.promise(
                found.tree == "tree-of-the-case",
                f"the evidence is for tree {found.tree!r}",
                "evidence names the tree it was taken on",
            )
            self.promise(
                found.id and found.check,
                f"the evidence has no id or check name: {found}",
                "evidence names itself and its check",
            )
            try:
                json.dumps(found.details, allow_nan=False)
            except (TypeError, ValueError) as error:
                self.broken(f"the details cannot be recorded: {error}", "details hold JSON values only")

    def test_logs_are_where_the_evidence_says(self, tmp_path: Path) -> None:
        """A log that evidence names is a file in the run's folder, named relative to it."""
        for name, case in (("good", self.good()), ("bad", self.bad())):
            found = self._check(case, tmp_path / name)
            if found.log:
                folder = (tmp_path / name / "run").resolve()
                file = (folder / found.log).resolve()
                sound = not Path(found.log).is_absolute() and file.is_relative_to(folder) and file.is_file()
                self.promise(
                    sound,
                    f"the log {found.log!r} is no file in the run's folder",
                    "log is a path relative to run_dir of a file that is there",
                )

    def test_the_tree_stays_as_it_is(self, tmp_path: Path) -> None:
        """Checking changes no file of the tree: what lands is what was checked."""
        for name, case in (("good", self.good()), ("bad", self.bad())):
            self._check(case, tmp_path / name)
            left = {
                path.relative_to(tmp_path / name / "tree").as_posix(): path.read_text()
                for path in _files(tmp_path / name / "tree")
            }
            changed = sorted(path for path in {*left, *case.files} if left.get(path) != case.files.get(path))
            self.promise(not changed, f"the check changed {changed} in the tree", "a check leaves the tree as it is")

    def test_it_is_repeatable(self, tmp_path: Path) -> None:
        """The same tree gets the same verdict, from the same instance and from a fresh one."""
        for name, case in (("good", self.good()), ("bad", self.bad())):
            check = self.make_check()
            verdicts = [
                self._check(case, tmp_path / f"{name}{number}", check=made).passed
                for number, made in enumerate((check, check, self.make_check()))
            ]
            self.promise(
                len(set(verdicts)) == 1,
                f"three checks of one {name} tree gave {verdicts}",
                "a verdict depends on the tree only",
            )

    def test_without_a_sandbox_nothing_passes_by_accident(self, tmp_path: Path) -> None:
        """Where commands cannot be run, a check that needs them raises or refuses; bad work never passes."""
        try:
            found = self._check(self.bad(), tmp_path, sandbox=_Refusing())
        except SandboxUnavailable:
            return
        self.promise(
            not found.passed, "without a sandbox bad work passed", "a check that cannot run is no evidence that passed"
        )

    def test_a_command_that_is_cut_off_proves_nothing(self, tmp_path: Path) -> None:
        """When every command of the check is ended by a limit, or dies without a word, bad work does not pass."""
        for number, done in enumerate(
            (
                Completed(code=137, stdout="", stderr="", limit_hit="timeout_s"),
                Completed(code=139, stdout="", stderr=""),
            )
        ):
            found = self._check(self.bad(), tmp_path / str(number), sandbox=_Canned(done))
            self.promise(
                not found.passed,
                f"bad work passed although every command ended with {done}",
                "a check that could not finish did not pass",
            )

    def test_everything_runs_in_the_sandbox(self, tmp_path: Path) -> None:
        """The check starts no process of its own: whatever it runs goes through ``context.sandbox``."""
        with _Watch() as started:
            for number, case in enumerate((self.good(), self.bad())):
                self._check(case, tmp_path / str(number), sandbox=_Canned(Completed(code=0, stdout="", stderr="")))
        self.promise(
            not started.seen,
            f"it started {started.seen[:2]} outside the sandbox",
            "nothing a check runs leaves the sandbox",
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _check(
        self, case: CheckCase, place: Path, *, sandbox: Sandbox | None = None, check: Check | None = None
    ) -> Evidence:
        tree, run = place / "tree", place / "run"
        for path, text in case.files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        tree.mkdir(parents=True, exist_ok=True)
        run.mkdir(parents=True)
        context = CheckContext(
            tree=_tree(case, tree.resolve()),
            sandbox=sandbox or self._sandbox(),
            language=self.make_language(),
            plan=case.the_plan(),
            landed=_landed(case),
            log_dir=run.resolve() / "evidence",
            run_dir=run.resolve(),
        )
        found = self.go((check or self.make_check()).check(case.task, context), limit_s=120.0)
        if not isinstance(found, Evidence):
            self.broken(f"check gave a {type(found).__name__}", "check gives Evidence, also where it could not run")
        return found

    def _sandbox(self) -> Sandbox:
        sandbox = self.make_sandbox()
        if not isinstance(sandbox, _Refusing):
            try:
                self.go(sandbox.probe(), limit_s=60.0)
            except SandboxUnavailable as error:
                self.skip(f"the suite's sandbox does not work here: {error}")
        return sandbox


def _tree(case: CheckCase, path: Path) -> Tree:
    paths = tuple(sorted(case.files)) if case.changed is None else case.changed
    name = case.task.id if case.task is not None else "whole"
    change = Change(task=name, attempt=1, ref="refs/sample", commit="c1", base="c0", paths=paths)
    return Tree(tree="tree-of-the-case", commit="c1", tip="c0", path=path, changes=(change,) if case.task else ())


def _landed(case: CheckCase) -> frozenset[str]:
    if case.landed is not None:
        return case.landed
    if case.task is None:
        return frozenset(task.id for task in case.the_plan().tasks)
    return frozenset((case.task.id, *case.task.verifies))


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


class _Canned:
    """A sandbox in which every command ends in the same way."""

    tier = "isolated"

    def __init__(self, done: Completed) -> None:
        self._done = done

    async def probe(self) -> None:
        """Nothing to prove."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """As it was told to end."""
        return self._done


class _Refusing(_Canned):
    """A sandbox that does not work here."""

    def __init__(self) -> None:
        super().__init__(Completed(code=1, stdout="", stderr=""))

    async def run(self, argv: Sequence[str], **options: Any) -> Completed:
        """Refuse."""
        raise SandboxUnavailable("this suite has no sandbox: override make_sandbox(self) if the check runs commands")


class _Watch:
    """Notes processes that this process starts. An audit hook cannot be taken out again, so there is one for all, asleep most of the time."""

    seen: list[str]
    _active: list[_Watch] = []  # noqa: RUF012
    _installed = False

    def __enter__(self) -> _Watch:
        self.seen = []
        if not _Watch._installed:
            _Watch._installed = True
            sys.addaudithook(_Watch._hear)
        _Watch._active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _Watch._active.remove(self)

    @staticmethod
    def _hear(event: str, arguments: tuple[Any, ...]) -> None:
        if _Watch._active and event in (
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "os.fork",
            "os.forkpty",
        ):
            for watch in _Watch._active:
                watch.seen.append(f"{event} {arguments[:2]!r:.200}")
