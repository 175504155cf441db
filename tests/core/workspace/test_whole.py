"""The whole on the way: what is new is refused and named, what is old or flaky is not, and nothing lands unheard."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from agent_dispatcher.extension import Change, CheckContext, Landed, Tree
from agent_dispatcher.models import Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.integration import Integration, Verdict
from agent_dispatcher.workspace.redness import beyond, failing


class OutOfTime(Exception):
    """The tests were still running when their time was over."""


#: What fails, by tree (``tip`` or ``work``), whether only that is asked about, and how often it was looked at so before.
Script = Callable[[str, bool, int], Sequence[str] | None]


@define
class Suite:
    """A workspace with one change on its tip, and the check of the whole: a script says what fails. ``None``: nothing could be told."""

    script: Script
    tip: str = "tip"
    looks: list[str] = field(factory=list)
    recorded: list[Evidence] = field(factory=list)

    async def stage(self, changes: Sequence[Change]) -> Tree:
        """Each change on its own on the tip."""
        return Tree(tree=changes[0].commit, commit=changes[0].commit, tip=self.tip, path=Path("/nowhere"))

    async def land(self, tree: Tree, expected_tip: str) -> Landed:
        """It is the tip."""
        self.tip = tree.commit
        return Landed(commit=tree.commit, tree=tree.tree)

    async def checkout_tip(self) -> Tree:
        """As it is."""
        return Tree(tree=self.tip, commit=self.tip, tip=self.tip, path=Path("/nowhere"))

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To the whole."""
        return task is None

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """By the script."""
        look = f"{context.tree.tree}{' alone' if context.only else ''}"
        before = self.looks.count(look)
        self.looks.append(look)
        try:
            failed = self.script(context.tree.tree, bool(context.only), before)
        except OutOfTime:
            untold: dict[str, Any] = {"could_not_run": True, "timed_out": True}
            return Evidence(id="w", check="w", passed=False, summary="stopped", details=untold)
        if failed is None:
            raise RuntimeError("no results")
        failed = [name for name in failed if not context.only or name in context.only]
        details: dict[str, Any] = {"failed": [{"test": name, "message": f"{name} broke"} for name in failed]}
        summary = f"{len(failed)} red: {failed[0]} broke" if failed else "green"
        return Evidence(id="w", check="w", passed=not failed, summary=summary, details=details)

    async def record(self, tree: str, evidence: Sequence[Evidence], whole: Sequence[Evidence] = ()) -> None:
        """What was recorded of the whole."""
        self.recorded += whole

    def integration(self, run_dir: Path) -> Integration:
        """With nothing else in it."""
        nothing: Any = None
        return Integration(
            workspace=self,  # type: ignore[arg-type]
            checks=[("tests", self)],
            sandbox=nothing,
            language=None,
            plan=ExecutionPlan(specification=Specification(id="s", title="s"), tasks=()),
            run_dir=run_dir,
        )

    async def attempt(self, integration: Integration, name: str = "work") -> Verdict:
        """Land a change."""
        change = Change(task=name, attempt=1, ref=name, commit=name, base="older", paths=("a.py",))
        return await integration.land(Task(id=name, title=name), change, frozenset(), 1, self.record)

    def land_it(self, run_dir: Path) -> Verdict:
        """Land ``work``."""
        return asyncio.run(self.attempt(self.integration(run_dir)))


def always(**red: Sequence[str]) -> Script:
    """The same at every look."""
    return lambda tree, alone, before: red.get(tree, ())


def test_what_is_new_is_said_first(tmp_path: Path) -> None:
    """Of sixty failures that were there before the refusal says only that they are sixty; the one that is new is named with its reason."""
    old = [f"old{number:02}" for number in range(60)]
    suite = Suite(always(tip=old, work=[*old, "zz"]))
    refused = suite.land_it(tmp_path)
    assert refused.landed is None
    assert refused.why.endswith("the whole is red: tests: 1 failed: zz: zz broke (60 were red before)")
    (evidence,) = refused.evidence
    assert evidence.details["failed"][0] == {"test": "zz", "message": "zz broke"}  # type: ignore[index]
    assert evidence.details["red_before"] == 60 and len(evidence.details["failed"]) == 50  # type: ignore[arg-type]
    assert suite.looks == ["work", "tip", *["work alone"] * 3, *["tip alone"] * 3]


def test_a_flaky_test_refuses_nobody_and_is_named(tmp_path: Path) -> None:
    """Red, then green alone, then green when everything runs again: the work lands, and the evidence says which test it was and how it failed."""
    suite = Suite(lambda tree, alone, before: ["shaky"] if tree == "work" and not alone and before == 0 else [])
    assert suite.land_it(tmp_path).landed is not None
    assert suite.looks == ["work", "tip", *["work alone"] * 3, "work"]
    (evidence,) = suite.recorded
    assert evidence.passed and evidence.details["flaky"] == [{"test": "shaky", "message": "shaky broke"}]
    assert evidence.summary.endswith(
        "flaky, red in one run and green in another one of the same tree: shaky: shaky broke"
    )


def test_two_flaky_tests_do_not_add_up(tmp_path: Path) -> None:
    """One is red when everything runs first, another one when everything runs again: both are named, and neither refuses."""
    suite = Suite(lambda tree, alone, before: [["one"], ["other"]][before] if tree == "work" and not alone else [])
    assert suite.land_it(tmp_path).landed is not None
    flaky = suite.recorded[0].details["flaky"]
    assert [each["test"] for each in flaky] == ["one", "other"]  # type: ignore[attr-defined]


def test_what_spoils_other_tests_is_not_called_flaky(tmp_path: Path) -> None:
    """A test that is green alone and red whenever everything runs is broken by the work."""
    suite = Suite(lambda tree, alone, before: ["spoilt"] if tree == "work" and not alone else [])
    refused = suite.land_it(tmp_path)
    assert refused.landed is None and "spoilt broke" in refused.why
    assert suite.looks == ["work", "tip", *["work alone"] * 3, *["work"] * 2, *["tip"] * 2]


def test_what_is_red_on_the_tip_as_well_is_not_new(tmp_path: Path) -> None:
    """A test that happened to be green when the tip was looked at, and is red there when it is looked at again, refuses nobody and is named."""
    suite = Suite(lambda tree, alone, before: ["shaky"] if tree == "work" or alone or before else [])
    assert suite.land_it(tmp_path).landed is not None
    alone = [*["work alone"] * 3, *["tip alone"] * 3]
    assert suite.looks == ["work", "tip", *alone, *["work"] * 2, "tip"]  # red alone on the tip, too, tells nothing
    assert suite.recorded[0].details["flaky"] == [{"test": "shaky", "message": "shaky broke"}]


def test_what_is_red_and_green_by_itself_is_flaky(tmp_path: Path) -> None:
    """On the tree of the work or on the tip: nothing else has to run for that, and no look follows."""
    on_work = Suite(lambda tree, alone, before: ["shaky"] if tree == "work" and before != 1 else [])
    assert on_work.land_it(tmp_path).landed is not None
    assert on_work.looks == ["work", "tip", "work alone", "work alone"]
    on_tip = Suite(lambda tree, alone, before: ["shaky"] if tree == "work" or (alone and before == 1) else [])
    assert on_tip.land_it(tmp_path).landed is not None
    assert on_tip.looks == ["work", "tip", *["work alone"] * 3, "tip alone", "tip alone"]
    for suite in (on_work, on_tip):
        assert suite.recorded[0].passed
        assert suite.recorded[0].details["flaky"] == [{"test": "shaky", "message": "shaky broke"}]


def every_course(carry_out: Callable[[Script], object]) -> Iterator[tuple[tuple[bool, ...], object]]:
    """All courses that looks at one test can take (red or green each), and what came of each."""
    open_still: list[tuple[bool, ...]] = [()]
    while open_still:
        given = open_still.pop()
        taken: list[bool] = []

        def script(
            tree: str, alone: bool, before: int, given: tuple[bool, ...] = given, taken: list[bool] = taken
        ) -> Sequence[str]:
            taken.append(len(taken) < len(given) and given[len(taken)])
            return ["shaky"] if taken[-1] else []

        came = carry_out(script)
        yield tuple(taken), came
        open_still += [(*taken[:place], True) for place in range(len(given), len(taken))]


@pytest.mark.parametrize(("share", "most"), [(1 / 3, 0.006), (1 / 10, 0.0007), (1 / 2, 0.008), (3 / 4, 0.005)])
def test_a_flaky_test_hardly_ever_refuses_the_innocent(tmp_path: Path, share: float, most: float) -> None:
    """Over all courses: a test that is red in this share of runs, with the work and without. In each that lands it is named, unless it was green at once."""
    total = refused = 0.0
    for looks, verdict in every_course(lambda script: Suite(script).land_it(tmp_path)):
        assert isinstance(verdict, Verdict)
        chance = share ** sum(looks) * (1 - share) ** (len(looks) - sum(looks))
        total += chance
        refused += chance * (verdict.landed is None)
        assert len(looks) <= 13
    assert total == pytest.approx(1.0)
    assert 0 < refused < most


def test_the_finished_whole_hardly_ever_fails_by_chance(tmp_path: Path) -> None:
    """There is no tip to compare it with, so it is looked at more often."""
    failed = 0.0
    for looks, found in every_course(
        lambda script: asyncio.run(Suite(script).integration(tmp_path).final(frozenset()))
    ):
        assert isinstance(found, tuple) and isinstance(found[0], Evidence)
        evidence = found[0]
        failed += (not evidence.passed) * (1 / 3) ** sum(looks) * (2 / 3) ** (len(looks) - sum(looks))
    assert 0 < failed < 0.003


@pytest.mark.parametrize("seed", range(30))
def test_what_is_broken_is_refused_among_flaky_tests(tmp_path: Path, seed: int) -> None:
    """Always, whatever others do at the same time; what became flaky with the work is refused or named."""
    chance = random.Random(seed)

    def script(tree: str, alone: bool, before: int) -> Sequence[str]:
        shaky = [f"shaky{number}" for number in range(5) if chance.random() < 1 / 3]
        spoilt = ["broken"] if tree == "work" and (seed % 2 or not alone) else []
        return [*spoilt, *shaky]

    refused = Suite(script).land_it(tmp_path)
    assert refused.landed is None and "broken broke" in refused.why

    def shaken(tree: str, alone: bool, before: int) -> Sequence[str]:
        return ["shaken"] if tree == "work" and ((not alone and not before) or chance.random() < 0.5) else []

    suite = Suite(shaken)
    assert "shaken broke" in suite.land_it(tmp_path).why or suite.recorded[0].details["flaky"]


def test_what_needs_others_to_pass_is_judged_with_them(tmp_path: Path) -> None:
    """A test that is red alone on the tip too, and green there with everything, was green before: the work broke it."""
    suite = Suite(lambda tree, alone, before: ["needy"] if tree == "work" or alone else [])
    assert "needy broke" in suite.land_it(tmp_path).why


def test_a_flaky_test_can_still_be_broken(tmp_path: Path) -> None:
    """That it was flaky in work that landed excuses nobody after that."""
    suite = Suite(
        lambda tree, alone, before: (
            ["shaky"] if tree == "next" or (tree == "work" and not alone and before == 0) else []
        )
    )

    async def both() -> list[Verdict]:
        integration = suite.integration(tmp_path)
        return [await suite.attempt(integration, "work"), await suite.attempt(integration, "next")]

    first, second = asyncio.run(both())
    assert first.landed is not None
    assert second.landed is None and "shaky broke" in second.why


@pytest.mark.parametrize(
    ("script", "lands", "said"),
    [
        (always(), True, ""),
        (lambda tree, alone, before: None, True, ""),
        (lambda tree, alone, before: None if tree == "work" else [], False, "the whole is red: tests: the check tests could not run"),
        (lambda tree, alone, before: None if tree == "tip" else ["a"], True, ""),
        (lambda tree, alone, before: slow("tip", "work")(tree), True, ""),
        (lambda tree, alone, before: slow("work")(tree), False, "the whole is red: tests: stopped"),
        (lambda tree, alone, before: None if tree == "work" else slow("tip")(tree), False, "the check tests could not run"),
        (lambda tree, alone, before: None if tree == "tip" else slow("work")(tree), True, ""),
    ],
    ids=["heard", "never heard", "silenced by the work", "heard again by the work", "always too slow", "slowed down", "dead, not slow", "slow, not dead"],
)  # fmt: skip
def test_who_is_refused_for_silence(tmp_path: Path, script: Script, lands: bool, said: str) -> None:
    """Work after which a check falls silent; not work on a tip that was silent already, and never for good."""
    verdict = Suite(script).land_it(tmp_path)
    assert (verdict.landed is not None) == lands
    assert said in verdict.why and not verdict.permanent


def test_what_nobody_could_tell_is_said(tmp_path: Path) -> None:
    """Work that lands unheard, as what it stands on was, has that in its evidence; the tip is not asked again for the next work."""
    suite = Suite(lambda tree, alone, before: slow("tip", "work", "next")(tree))

    async def both() -> list[Verdict]:
        integration = suite.integration(tmp_path)
        return [await suite.attempt(integration, "work"), await suite.attempt(integration, "next")]

    assert all(verdict.landed is not None for verdict in asyncio.run(both()))
    assert suite.looks == ["work", "tip", "next"]
    for evidence in suite.recorded:
        assert not evidence.passed and evidence.summary == "untold, as it was before: stopped"
        assert evidence.details["untold_before"] is True


def slow(*trees: str) -> Callable[[str], Sequence[str]]:
    """Tests that run out of time on these trees, and are green on others."""

    def run(tree: str) -> Sequence[str]:
        if tree in trees:
            raise OutOfTime
        return []

    return run


@pytest.mark.parametrize(
    ("script", "passed", "said"),
    [
        (lambda alone, before: ["shaky"] if not alone and before == 0 else [], True, "green; flaky, red in one run"),
        (lambda alone, before: [["one"], ["other"]][before] if not alone else [], True, "1 red: other broke; flaky"),
        (lambda alone, before: ["broken"], False, "1 red"),
        (
            lambda alone, before: ["broken", *(["shaky"] if not alone and not before else [])],
            False,
            "1 red: broken broke; flaky",
        ),
    ],
    ids=["flaky", "two that are flaky", "broken", "both"],
)
def test_the_finished_whole_does_not_fail_by_chance(
    tmp_path: Path, script: Callable[[bool, int], Sequence[str]], passed: bool, said: str
) -> None:
    """What is red is looked at again; only what is green then is named as flaky, and what stays red fails it."""
    suite = Suite(lambda tree, alone, before: script(alone, before))
    (evidence,) = asyncio.run(suite.integration(tmp_path).final(frozenset()))
    assert (evidence.passed, evidence.summary.startswith(said)) == (passed, True), evidence.summary


@pytest.mark.parametrize(
    ("task", "red", "says", "looks"),
    [
        ("work", False, True, ["work"]),
        ("work", False, False, ["work", "work"]),
        ("work", True, True, ["work", *["work alone"] * 3, "work", "work"]),
        ("other", False, True, ["work", "work"]),
    ],
    ids=["the last work", "a check that does not say so", "flaky", "work is missing"],
)
def test_the_finished_whole_is_not_looked_at_twice(
    tmp_path: Path, task: str, red: bool, says: bool, looks: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a check says of the tree with the last work of the plan, as of the finished whole, holds at the end where nothing was red."""
    finished: list[bool] = []
    suite = Suite(lambda tree, alone, before: ["shaky"] if red and tree == "work" and not alone and not before else [])
    asked = Suite.check

    async def check(suite: Suite, task: Task | None, context: CheckContext) -> Evidence:
        if context.tree.tree == "work":
            finished.append(context.complete or not context.on_the_way)
        found = await asked(suite, task, context)
        return evolve(found, details={**found.details, "as_finished": says})

    monkeypatch.setattr(Suite, "check", check)

    async def all_of_it() -> tuple[Evidence, ...]:
        integration = suite.integration(tmp_path)
        nothing = Specification(id="s", title="s")
        integration.use(ExecutionPlan(specification=nothing, tasks=(Task(id=task, title=task),)))
        assert (await suite.attempt(integration)).landed is not None
        return await integration.final(frozenset({"work"}))

    (evidence,) = asyncio.run(all_of_it())
    assert (evidence.passed, evidence.id) == (True, "final-tests")
    assert finished[0] is (task == "work") and finished[-1]
    assert [look for look in suite.looks if look != "tip"] == looks
    assert ("looked_at" in evidence.details) is (looks == ["work"])


@pytest.mark.parametrize(
    ("now", "before", "new"),
    [
        ("a b", "a", "b"),
        ("f::a", "f", ""),  # the file could not be read before
        ("f", "f::a", "f"),  # and this one cannot be read any more
    ],
)
def test_what_is_beyond_what_was_red(now: str, before: str, new: str) -> None:
    """A test in a file that is silent on the tip is not newly red; a file that falls silent is."""

    def red(names: str) -> frozenset[tuple[str, str]]:
        return frozenset(("c", name) for name in names.split())

    assert beyond(red(now), red(before)) == red(new)


def test_checks_are_red_by_name_or_as_a_whole() -> None:
    """Names of failures in either form; a check that names none is red as a whole, one that could not run differently so."""

    def evidence(**more: Any) -> Evidence:
        return Evidence(**{"id": "e", "check": "c", "passed": False, "summary": "", **more})

    kinds: Mapping[str, Evidence] = {
        "named": evidence(details={"failed": [{"test": "a"}, "b"]}),
        "unnamed": evidence(),
        "mute": evidence(details={"could_not_run": True}),
        "slow": evidence(details={"could_not_run": True, "timed_out": True}),
        "expected": evidence(expected_red=True),
    }
    found = {kind: sorted(name for _, name in failing([each])) for kind, each in kinds.items()}
    assert found == {"named": ["a", "b"], "unnamed": [""], "mute": ["?"], "slow": ["?time"], "expected": []}
