"""The merge train: a batch lands as a whole, and what spoils it is found, refused and keeps nobody else back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from agent_dispatcher.extension import Change, CheckContext, Conflict, Landed, Moved, Tree
from agent_dispatcher.models import Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.examination import Entry, Verdict
from agent_dispatcher.workspace.integration import Integration

PLAN = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=())


def entry(name: str) -> Entry:
    return Entry(
        task=Task(id=name, title=name),
        change=Change(task=name, attempt=1, ref=name, commit=name, base="", paths=(name,)),
        attempt=1,
    )


class Tests:
    """A language in which tests notice a ``conftest``, and nothing else that is added."""

    __test__ = False
    name = "words"

    def reaches_tests(self, added: Sequence[str], tree: Path) -> str:
        """By its name."""
        return "taken for what it is called" if "conftest" in added else ""


@define
class World:
    """A branch that is a list of names. A tree's name is its content: ``a+b`` holds a and b.

    Attributes:
        clash: pairs of changes that do not fit together.
        bad: changes whose own check is red.
        red: what is red as a whole, by content.
        moves: how often somebody else moves the branch first.
        story: what happened to the branch and the record.
        looked: trees that were looked at as a whole.
        alone: trees of which only a part was looked at again.
    """

    clash: Sequence[set[str]] = ()
    bad: Callable[[str, set[str]], bool] = lambda name, tree: False
    red: Callable[[set[str]], Sequence[str]] = lambda tree: ()
    moves: int = 0
    tip: list[str] = field(factory=list)
    story: list[str] = field(factory=list)
    looked: list[str] = field(factory=list)
    alone: list[str] = field(factory=list)
    verdicts: dict[str, Verdict] = field(factory=dict)

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """On the tip."""
        names, stack = list(self.tip), []
        for change in changes:
            others = [name for name in names if {name, change.commit} in self.clash]
            if others:
                return Conflict(paths=("x",), base="", ours="+".join(names), theirs=change.commit, detail=others[0])
            names.append(change.commit)
            stack.append(Landed(commit=change.commit, tree="+".join(names)))
        content = "+".join(names)
        tip = "+".join(self.tip)
        return Tree(
            tree=content, commit=content, tip=tip, path=Path("/nowhere"), changes=tuple(changes), stack=tuple(stack)
        )

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """In one move."""
        if self.moves:
            self.moves -= 1
            self.tip.append(f"user{self.moves}")
        if expected_tip != "+".join(self.tip):
            return Moved(tip="+".join(self.tip))
        self.story.append(f"land {tree.tree}")
        self.tip = tree.tree.split("+")
        return Landed(commit=tree.commit, tree=tree.tree)

    async def content(self, base: str, path: str) -> bytes | None:
        """A change is a file."""
        return b"" if path in base.split("+") else None

    async def checkout_tip(self) -> Tree:
        """All that landed."""
        tip = "+".join(self.tip)
        return Tree(tree=tip, commit=tip, tip=tip, path=Path("/nowhere"))

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To everything."""
        return True

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """A change by ``bad``, the whole by ``red``."""
        tree = set(context.tree.tree.split("+"))
        if task is None:
            (self.alone if context.only else self.looked).append(context.tree.tree)
            failed = [name for name in self.red(tree) if not context.only or name in context.only]
            return Evidence(id="w", check="w", passed=not failed, summary=f"red: {failed}", details={"failed": failed})
        assert tree - {""} <= {*context.landed, *(name for name in tree if name.startswith("user"))}
        assert [change.task for change in context.tree.changes] == [task.id]
        return Evidence(id="c", check="c", passed=not self.bad(task.id, tree), summary="bad")

    async def record(self, tree: str, evidence: Any, whole: Any) -> None:
        """What was recorded, and when."""
        assert all(one.tree == tree for _, about in evidence for one in about)
        assert all(one.tree == tree for one in whole)
        self.story.append(
            f"record {tree}: {' '.join(entry.task.id for entry, _ in evidence)}, {len(whole)} of the whole"
        )

    def tell(self, entry: Entry, verdict: Verdict) -> None:
        """Once each."""
        assert entry.task.id not in self.verdicts
        self.verdicts[entry.task.id] = verdict

    def carry(self, names: str, run_dir: Path) -> dict[str, str]:
        """Land a batch; task id to why it was refused, ``""`` for what landed."""
        integration = Integration(
            workspace=self,  # type: ignore[arg-type]
            checks=[("check", self)],
            sandbox=None,  # type: ignore[arg-type]
            language=None,
            plan=PLAN,
            run_dir=run_dir,
        )
        entries = [entry(name) for name in names.split()]
        asyncio.run(integration.land_together(entries, set(self.tip), self.record, self.tell))
        assert sorted(self.verdicts) == sorted(names.split()), "nothing vanishes"
        landed = {name for name, verdict in self.verdicts.items() if verdict.landed is not None}
        assert landed == set(self.tip) & set(names.split())
        return {name: verdict.why for name, verdict in self.verdicts.items()}


def test_a_green_batch_lands_with_one_move(tmp_path: Path) -> None:
    """Evidence of the common tree is recorded once, then the branch moves once; every change has a commit of its own."""
    world = World()
    assert world.carry("a b c", tmp_path) == {"a": "", "b": "", "c": ""}
    assert world.story == ["record a+b+c: a b c, 1 of the whole", "land a+b+c"]
    landed = {name: verdict.landed for name, verdict in world.verdicts.items()}
    assert landed == {
        "a": Landed(commit="a", tree="a"),
        "b": Landed(commit="b", tree="a+b"),
        "c": Landed(commit="c", tree="a+b+c"),
    }


@pytest.mark.parametrize("culprit", "abcdefgh")
@pytest.mark.parametrize("how", ["own check", "whole"])
def test_the_culprit_is_found_and_the_rest_lands(tmp_path: Path, culprit: str, how: str) -> None:
    """Wherever it stands in the batch: it is refused with the output, after few looks, and the other seven land."""
    world = World(bad=lambda name, tree: how == "own check" and name == culprit)
    if how == "whole":
        world.red = lambda tree: ["spoilt"] if culprit in tree else []
    found = world.carry("a b c d e f g h", tmp_path)
    assert [name for name, why in found.items() if why] == [culprit]
    assert ("bad" if how == "own check" else "spoilt") in found[culprit]
    assert [one.summary for one in world.verdicts[culprit].evidence] == [
        "bad" if how == "own check" else "red: ['spoilt']"
    ]
    assert len(world.tip) == 7 and len(world.story) <= 2 * 3 and len(world.looked) <= 9 and len(world.alone) <= 9


def test_green_alone_and_red_together(tmp_path: Path) -> None:
    """The first of the two lands, the other one is refused; what is recorded is of trees that are green."""
    world = World(red=lambda tree: ["both"] if {"b", "e"} <= tree else [])
    found = world.carry("a b c d e f", tmp_path)
    assert [name for name, why in found.items() if why] == ["e"]
    assert found["e"].startswith("together with what landed meanwhile the whole is red")
    assert not any("b" in line and "e" in line for line in world.story if line.startswith("land"))


def test_two_culprits_are_both_found(tmp_path: Path) -> None:
    """Each is refused for itself."""
    world = World(bad=lambda name, tree: name in "bf")
    assert [name for name, why in world.carry("a b c d e f g", tmp_path).items() if why] == ["b", "f"]


def test_a_conflict_takes_only_its_change_out(tmp_path: Path) -> None:
    """What clashes with another of the batch waits until that has landed, and is refused then with the paths."""
    world = World(clash=[{"a", "c"}])
    found = world.carry("a b c d", tmp_path)
    assert world.story == ["record a+b+d: a b d, 1 of the whole", "land a+b+d"]
    assert found["c"].startswith("conflict with what landed meanwhile in x") and world.verdicts["c"].conflict == ("x",)


def test_a_conflict_with_what_is_refused_is_none(tmp_path: Path) -> None:
    """Nobody is refused for clashing with work that does not land."""
    world = World(clash=[{"a", "c"}], bad=lambda name, tree: name == "a")
    assert [name for name, why in world.carry("a b c d", tmp_path).items() if why] == ["a"]


def test_what_was_red_before_is_nobodys_fault(tmp_path: Path) -> None:
    """A tip that is red keeps nobody from landing; what is red in a new place does."""
    world = World(tip=["old"], red=lambda tree: ["always", *(["new"] if "c" in tree else [])])
    found = world.carry("a b c d", tmp_path)
    assert [name for name, why in found.items() if why] == ["c"] and "new" in found["c"]
    assert world.looked.count("old") == 1


def test_a_branch_that_moves_is_followed(tmp_path: Path) -> None:
    """The batch is staged and checked again on the new tip; a branch that never stands still is given up with a reason."""
    world = World(moves=2)
    assert set(world.carry("a b", tmp_path).values()) == {""}
    assert world.story[-1] == "land user1+user0+a+b"
    restless = World(moves=1000)
    assert all("moved 20 times" in why for why in restless.carry("a b", tmp_path).values())


@pytest.mark.parametrize(
    ("base", "path", "attempt", "whole"),
    [
        ("old", "new", 1, False),
        ("old", "conftest", 1, True),
        ("", "new", 1, True),
        ("old", "old", 1, True),
        ("old", "new", 2, True),
        ("", None, 1, False),
    ],
)
def test_when_one_change_is_looked_at_with_the_whole(
    tmp_path: Path, base: str, path: str | None, attempt: int, whole: bool
) -> None:
    """When something landed since it was begun, when it changes what others wrote or adds what tests notice, and when it came back before; then it is
    refused if it spoils the whole. A change without files is not."""
    world = World(tip=["old"], red=lambda tree: ["both"] if {"old", "a"} <= tree else [])
    integration = Integration(
        workspace=world,  # type: ignore[arg-type]
        checks=[("check", world)],
        sandbox=None,  # type: ignore[arg-type]
        language=Tests(),  # type: ignore[arg-type]
        plan=PLAN,
        run_dir=tmp_path,
    )
    recorded: list[int] = []

    async def record(tree: str, evidence: Sequence[Evidence], whole: Sequence[Evidence] = ()) -> None:
        recorded.append(len(whole))

    def land(name: str) -> Verdict:
        paths = () if path is None else (path,)
        change = Change(task=name, attempt=attempt, ref=name, commit=name, base=base, paths=paths)
        return asyncio.run(integration.land(Task(id=name, title=name), change, set(world.tip), attempt, record))

    spoilt = land("a")
    assert (spoilt.landed is None) == whole
    if whole:
        assert "both" in spoilt.why
        assert land("b").landed is not None and recorded == [1]
