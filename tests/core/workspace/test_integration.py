"""Integration: evidence comes before landing, and no check passes by failing to run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.errors import SandboxUnavailable, Unavailable
from agent_dispatcher.extension import Change, CheckContext, Conflict, Landed, Moved, Tree
from agent_dispatcher.models import Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.provenance import Scrubber
from agent_dispatcher.workspace.integration import Integration, Verdict

TASK = Task(id="a", title="a")
#: Made on the tip.
CHANGE = Change(task="a", attempt=1, ref="r", commit="c", base="0", paths=("x",))


class FakeWorkspace:
    """Stages and lands without files; says what happened in ``story``."""

    def __init__(self, story: list[str], moves: int = 0, conflict: bool = False) -> None:
        self.story, self.moves, self.conflict = story, moves, conflict
        self.tip = 0

    async def stage(self, changes: object) -> Tree | Conflict:
        """On the tip, or a conflict."""
        self.story.append(f"stage on {self.tip}")
        if self.conflict:
            return Conflict(paths=("x", "y"), base="b", ours="o", theirs="t", detail="both changed x")
        return Tree(tree=f"tree{self.tip}", commit="c", tip=str(self.tip), path=Path("/nowhere"))

    async def content(self, base: str, path: str) -> bytes | None:
        """Every file is new."""
        return None

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Moves away as often as it was told to."""
        if self.moves:
            self.moves -= 1
            self.tip += 1
            return Moved(tip=str(self.tip))
        self.story.append(f"land on {expected_tip}")
        return Landed(commit="landed", tree=tree.tree)

    async def checkout_tip(self) -> Tree:
        """The whole."""
        return Tree(tree="whole", commit="c", tip="t", path=Path("/nowhere"))


class FakeCheck:
    """A check that does what it is told."""

    def __init__(self, act: Callable[[CheckContext], Any], applies: bool = True) -> None:
        self.act, self._applies = act, applies

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """As told."""
        return self._applies

    async def check(self, task: Task | None, context: CheckContext) -> Any:
        """As told."""
        found = self.act(context)
        return await found if isinstance(found, Awaitable) else found


def _says(passed: bool, **more: Any) -> FakeCheck:
    return FakeCheck(lambda context: Evidence(id="any", check="any", passed=passed, summary=f"said {passed}", **more))


def _raises(error: Exception) -> FakeCheck:
    def act(context: CheckContext) -> None:
        raise error

    return FakeCheck(act)


def _land(tmp_path: Path, workspace: FakeWorkspace, change: Change = CHANGE, **checks: FakeCheck) -> Verdict:
    integration = _integration(tmp_path, workspace, None, **checks)

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        workspace.story.append(f"record {tree} {[item.id for item in evidence]}")

    return asyncio.run(integration.land(TASK, change, frozenset({"z"}), 1, record))


def _integration(tmp_path: Path, workspace: Any, scrubber: Scrubber | None = None, **checks: FakeCheck) -> Integration:
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=(TASK,))
    nothing: Any = None
    return Integration(
        workspace=workspace,
        checks=list(checks.items()),
        sandbox=nothing,
        language=None,
        plan=plan,
        run_dir=tmp_path,
        scrubber=scrubber,
    )


def test_evidence_is_recorded_before_the_branch_moves(tmp_path: Path) -> None:
    """Stage, check, record, land: in this order, with ids that name task, attempt and check."""
    story: list[str] = []
    verdict = _land(tmp_path, FakeWorkspace(story), one=_says(True), two=_says(True))
    assert story == ["stage on 0", "record tree0 ['a-1-one', 'a-1-two']", "land on 0"]
    assert verdict.landed == Landed(commit="landed", tree="tree0")
    assert [(item.check, item.tree) for item in verdict.evidence] == [("one", "tree0"), ("two", "tree0")]


def test_a_branch_that_moved_is_staged_and_checked_again(tmp_path: Path) -> None:
    """Evidence is of the tree that lands, not of the one before."""
    story: list[str] = []
    verdict = _land(tmp_path, FakeWorkspace(story, moves=2), one=_says(True))
    assert [line for line in story if line.startswith("stage")] == ["stage on 0", "stage on 1", "stage on 2"]
    assert verdict.evidence[0].tree == "tree2"


def test_a_branch_that_moves_for_ever_is_given_up(tmp_path: Path) -> None:
    """There is an end to trying, with a reason."""
    verdict = _land(tmp_path, FakeWorkspace([], moves=1000), one=_says(True))
    assert verdict.landed is None and "moved" in verdict.why


def test_a_refusal_neither_records_nor_lands(tmp_path: Path) -> None:
    """The reason names the check and what it said."""
    story: list[str] = []
    verdict = _land(tmp_path, FakeWorkspace(story), one=_says(True), two=_says(False))
    assert story == ["stage on 0"]
    assert verdict.landed is None and verdict.why == "two: said False" and len(verdict.evidence) == 2


def test_expected_red_lands(tmp_path: Path) -> None:
    """It is no refusal, and no pass either."""
    verdict = _land(tmp_path, FakeWorkspace([]), one=_says(False, expected_red=True))
    assert verdict.landed is not None and not verdict.evidence[0].passed


def test_a_conflict_names_the_paths(tmp_path: Path) -> None:
    """Nothing is checked on a tree that does not exist."""
    verdict = _land(tmp_path, FakeWorkspace([], conflict=True), one=_raises(AssertionError("never called")))
    assert (
        verdict.landed is None and verdict.conflict == ("x", "y") and "x, y" in verdict.why and verdict.evidence == ()
    )


def test_a_check_that_raises_has_not_passed(tmp_path: Path) -> None:
    """An exception, or something else than evidence, is evidence against, and names the check."""
    verdict = _land(
        tmp_path, FakeWorkspace([]), broken=_raises(RuntimeError("boom")), odd=FakeCheck(lambda context: True)
    )
    assert verdict.landed is None
    assert [item.passed for item in verdict.evidence] == [False, False]
    assert "the check broken could not run: RuntimeError: boom" in verdict.why
    assert "odd could not run: TypeError: it returned bool instead of Evidence" in verdict.why


def test_a_sandbox_that_is_gone_is_for_good(tmp_path: Path) -> None:
    """Trying again would not help, and nothing weaker is used."""
    story: list[str] = []
    verdict = _land(tmp_path, FakeWorkspace(story), one=_says(True), two=_raises(SandboxUnavailable("bwrap has gone")))
    assert verdict.landed is None and verdict.permanent and "bwrap has gone" in verdict.why
    assert story == ["stage on 0"]


def test_no_applying_check_is_no_evidence(tmp_path: Path) -> None:
    """It lands unchecked; a check that found nothing to look at counts as little."""
    vacuous = _says(True, details={"vacuous": True})
    never = FakeCheck(lambda context: None, applies=False)
    verdict = _land(tmp_path, FakeWorkspace([]), never=never, vacuous=vacuous)
    assert verdict.landed is not None and verdict.evidence == ()


def test_a_failure_counts_even_if_it_calls_itself_vacuous(tmp_path: Path) -> None:
    """Only evidence that passed is left out for having looked at nothing."""
    verdict = _land(tmp_path, FakeWorkspace([]), one=_says(False, details={"vacuous": True}))
    assert verdict.landed is None and len(verdict.evidence) == 1


@pytest.mark.parametrize(("error", "traced"), [(Unavailable("no tool", "install it"), False), (KeyError("x"), True)])
def test_only_a_fault_of_the_check_is_traced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, traced: bool
) -> None:
    """A check that says what is missing costs one line of log; one that is broken also a traceback."""
    _land(tmp_path, FakeWorkspace([]), broken=_raises(error))
    (record,) = [each for each in caplog.records if "failed to run" in each.message]
    assert str(error) in record.message
    assert bool(record.exc_info) is traced


def test_checks_know_what_is_in_the_tree(tmp_path: Path) -> None:
    """The task being landed counts as landed; logs go below the run's folder."""
    seen: list[CheckContext] = []

    def act(context: CheckContext) -> Evidence:
        seen.append(context)
        return Evidence(id="x", check="x", passed=True)

    _land(tmp_path, FakeWorkspace([]), one=FakeCheck(act))
    assert seen[0].landed == {"a", "z"} and seen[0].attempt == 1
    assert seen[0].log_dir.is_relative_to(tmp_path)


def test_a_check_of_files_is_not_asked_about_none(tmp_path: Path) -> None:
    """With nothing promised, verified or changed, only checks run that did not ask for files, of any task or of one of its type."""
    files, typed, other, other_typed = (
        _raises(AssertionError("never called")),
        _raises(AssertionError("nor this")),
        _says(True),
        _says(True),
    )
    files.needs_files = True  # type: ignore[attr-defined]
    typed.needs_files = lambda task_type: task_type == TASK.type  # type: ignore[attr-defined]
    other_typed.needs_files = lambda task_type: task_type != TASK.type  # type: ignore[attr-defined]
    checks = {"files": files, "typed": typed, "other": other, "other_typed": other_typed}
    verdict = _land(tmp_path, FakeWorkspace([]), evolve(CHANGE, paths=()), **checks)
    assert verdict.landed is not None and [item.check for item in verdict.evidence] == ["other", "other_typed"]


def test_the_whole_is_checked_on_the_tip(tmp_path: Path) -> None:
    """Final evidence has its own ids; without a check that applies there is none."""
    final = asyncio.run(_integration(tmp_path, FakeWorkspace([]), one=_says(True)).final(frozenset({"a"})))
    assert [(item.id, item.tree) for item in final] == [("final-one", "whole")]
    never = FakeCheck(lambda context: None, applies=False)
    assert asyncio.run(_integration(tmp_path, FakeWorkspace([]), one=never).final(frozenset())) == ()


def test_one_change_is_landed_at_a_time(tmp_path: Path) -> None:
    """Two landings asked for at once do not share a staged tree."""
    story: list[str] = []
    workspace = FakeWorkspace(story)

    async def slow(context: CheckContext) -> Evidence:
        await asyncio.sleep(0.01)
        return Evidence(id="x", check="x", passed=True)

    integration = _integration(tmp_path, workspace, one=FakeCheck(slow))

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        story.append("record")

    async def work() -> None:
        await asyncio.gather(*(integration.land(TASK, CHANGE, frozenset(), 1, record) for _ in range(2)))

    asyncio.run(work())
    assert story == ["stage on 0", "record", "land on 0"] * 2


def test_an_inspection_checks_and_records_but_does_not_land(tmp_path: Path) -> None:
    """What a person is asked about has passed its checks on a known tip; the branch stays where it is."""
    story: list[str] = []

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        story.append(f"record {tree} {[item.check for item in evidence]}")

    integration = _integration(tmp_path, FakeWorkspace(story), one=_says(True))
    verdict = asyncio.run(integration.inspect(TASK, CHANGE, frozenset(), 1, record))
    assert (verdict.landed, verdict.why, verdict.tip, verdict.tree) == (None, "", "0", "tree0")
    assert story == ["stage on 0", "record tree0 ['one']"]


def test_an_inspection_refuses_like_a_landing(tmp_path: Path) -> None:
    """A check or a conflict: nobody is asked, nothing is recorded as evidence."""

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        raise AssertionError("never called")

    red = _integration(tmp_path, FakeWorkspace([]), one=_says(False))
    assert asyncio.run(red.inspect(TASK, CHANGE, frozenset(), 1, record)).why.startswith("one: ")
    torn = _integration(tmp_path, FakeWorkspace([], conflict=True), one=_says(True))
    assert asyncio.run(torn.inspect(TASK, CHANGE, frozenset(), 1, record)).conflict == ("x", "y")


def test_checks_are_not_run_again_on_what_they_passed(tmp_path: Path) -> None:
    """Same tip and same tree: it lands at once. Moved meanwhile: everything is checked again, and the whole with it."""
    for moves, ran in ((0, 0), (1, 2)):
        calls: list[str] = []
        recorded: list[int] = []

        def act(context: CheckContext, calls: list[str] = calls) -> Evidence:
            calls.append(context.tree.tree)
            return Evidence(id="x", check="x", passed=True)

        async def record(
            tree: str, evidence: tuple[Evidence, ...], whole: Any = (), recorded: list[int] = recorded
        ) -> None:
            recorded.append(len(evidence))

        integration = _integration(tmp_path, FakeWorkspace([], moves=moves), one=FakeCheck(act))
        landing = integration.land(TASK, CHANGE, frozenset(), 1, record, ("0", "tree0"))
        assert asyncio.run(landing).landed is not None
        assert len(calls) == ran
        assert recorded == [0, 1][: moves + 1]


def test_checks_of_one_task_type(tmp_path: Path) -> None:
    """They run for tasks of that type beside the others, and not for the whole."""
    integration = Integration(
        workspace=FakeWorkspace([]),  # type: ignore[arg-type]
        checks=[("all", _says(True))],
        checks_by_type={"review": [("own", _says(True))]},
        sandbox=None,  # type: ignore[arg-type]
        language=None,
        plan=ExecutionPlan(specification=Specification(id="s", title="s"), tasks=()),
        run_dir=tmp_path,
    )

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        return None

    def names(task: Task) -> list[str]:
        verdict = asyncio.run(integration.land(task, CHANGE, frozenset(), 1, record))
        return [item.check for item in verdict.evidence]

    assert names(Task(id="a", title="a", type="review")) == ["all", "own"]
    assert names(TASK) == ["all"]
    assert [item.check for item in asyncio.run(integration.final(frozenset()))] == ["all"]


def test_what_checks_say_has_no_keys(tmp_path: Path) -> None:
    """Tests print what they find: neither the evidence nor the reason of a refusal nor the log of a check keeps a key."""
    key = "canary-0123-key"
    (tmp_path / "one.log").write_bytes(b"\xff said " + key.encode() + b"\n")
    said = Evidence(id="any", check="any", passed=False, summary=f"said {key}", log="one.log", details={"out": [key]})
    integration = _integration(tmp_path, FakeWorkspace([]), Scrubber.of([key]), one=FakeCheck(lambda context: said))

    async def record(tree: str, evidence: tuple[Evidence, ...], whole: tuple[Evidence, ...] = ()) -> None:
        """Nothing."""

    verdict = asyncio.run(integration.land(TASK, CHANGE, frozenset(), 1, record))
    assert verdict.why == "one: said <secret>"
    assert verdict.evidence[0].details["out"] == ["<secret>"]
    assert (tmp_path / "one.log").read_bytes() == b"\xff said <secret>\n"
