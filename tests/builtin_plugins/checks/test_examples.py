"""The literal examples of a requirement hold on what lands, whoever wrote it and whatever its tests look at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from attrs import evolve

from agent_dispatcher.extension import CheckContext, Tree
from agent_dispatcher.extension.components import Change, Completed
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Requirement, Scenario, Specification, Task
from agent_dispatcher_builtins.checks.examples import ExamplesCheck
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

TEXT = "`discount(1000, 25)` returns `750`, `discount(999, 50)` returns `499`, a percentage below 0 or over 100 raises `ValueError`."
HONEST = (
    "def discount(cents, percent):\n"
    "    if not 0 <= percent <= 100:\n        raise ValueError(percent)\n"
    "    return cents * (100 - percent) // 100\n"
)
CHEAT = "def discount(cents, percent):\n    return 499 if cents == 999 else 700\n"
PATH = "src/shop/prices.py"


def requirement(text: str = TEXT, name: str = "R1", **more: object) -> Requirement:
    return Requirement(id=name, text=text, source="spec.md:12", **more)  # type: ignore[arg-type]


def coding(name: str = "code", *promised: str, kind: str = "code_writing", serves: tuple[str, ...] = ("R1",)) -> Task:
    produces = [ArtifactRef(type="symbol" if ":" in each else "path", name=each) for each in promised or (PATH,)]
    return Task(
        id=name, title=name, type=kind, requirements=serves, produces=tuple(produces) if promised != ("",) else ()
    )


class NoSandbox:
    """Where nothing may be run."""

    async def run(self, *arguments: object, **named: object) -> object:
        raise AssertionError("a command was run")


def judged(
    folder: Path,
    sandbox: object,
    files: Mapping[str, str],
    *,
    told: Sequence[Requirement] = (requirement(),),
    tasks: Sequence[Task] = (coding(),),
    landed: Sequence[str] = (),
    changed: Sequence[str] = (PATH,),
    language: object = None,
) -> Evidence:
    """What is said of the first of ``tasks`` on a tree with these files."""
    tree = folder / "tree"
    tree.mkdir()
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    task = tasks[0]
    plan = ExecutionPlan(specification=Specification(id="s", title="S", requirements=tuple(told)), tasks=tuple(tasks))
    change = Change(task=task.id, attempt=1, ref="r", commit="c", base="b", paths=tuple(changed))
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="b", path=tree, changes=(change,)),
        sandbox=sandbox,  # type: ignore[arg-type]
        language=language or Python(),  # type: ignore[arg-type]
        plan=plan,
        landed=frozenset((task.id, *landed)),
        log_dir=folder / "run" / "logs",
        run_dir=folder / "run",
    )
    check = ExamplesCheck()
    assert check.applies(task, plan)
    return asyncio.run(check.check(task, context))


def outcomes(found: Evidence) -> dict[str, str]:
    listed = found.details["examples"]
    assert isinstance(listed, list)
    return {each["example"].split("`")[1]: f"{each['outcome']}: {each['said']}" for each in listed}


@pytest.mark.sandbox
def test_code_that_is_written_for_the_test_is_refused(tmp_path: Path, isolated: Bubblewrap) -> None:
    """The refusal names the example, the requirement, its place, and what came of the call."""
    found = judged(tmp_path, isolated, {PATH: CHEAT})
    assert not found.passed and not found.proof
    assert found.summary == "the text says that `discount(1000, 25)` returns `750` (R1, spec.md:12): it gave 700"
    assert (found.details["found"], found.details["held"]) == (2, 1)
    assert "holds    `discount(999, 50)` returns `499`" in (tmp_path / "run" / found.log).read_text()
    assert sorted(path.name for path in (tmp_path / "tree").rglob("*.*")) == ["prices.py"]


@pytest.mark.sandbox
def test_honest_code_passes_and_proves_no_more_than_its_examples(tmp_path: Path, isolated: Bubblewrap) -> None:
    """All examples of text, edge cases and situations; the description's too."""
    told = requirement(
        edge_cases=("`discount(1, -1)` raises `ValueError`",),
        scenarios=(Scenario(then=("discount(0, 10) returns 0",)),),
    )
    task = Task(
        id="code",
        title="t",
        description="`discount(100, 100)` gives `0`",
        requirements=("R1",),
        produces=coding().produces,
    )
    found = judged(tmp_path, isolated, {PATH: HONEST}, told=(told,), tasks=(task,))
    assert (found.passed, found.proof, found.summary) == (True, False, "5 of 5 examples of the text hold")


VALUES = """
import collections, decimal, enum, fractions, os, pathlib, sqlite3, sys
Pair = collections.namedtuple("Pair", "a b")
class Any:
    def __eq__(self, other): return True
    __hash__ = None
class Colour(str, enum.Enum):
    RED = "red"
class Size(enum.Enum):
    SMALL = "small"
stack = []
def f(n):
    return {1: 0.1 + 0.2, 2: decimal.Decimal("7.5"), 3: Pair(1, 2), 4: (x for x in "ab"), 5: {"b": [1.0]}, 6: Colour.RED,
            7: pathlib.PurePosixPath("a/b"), 8: [1, 2], 9: {"a": 1}.keys(), 10: fractions.Fraction(1, 3), 11: Size.SMALL}[n]
async def later(n): return n
def push(n):
    stack.append(n)
    return len(stack)
def odd(n):
    if n == 1: return Any()
    if n == 2: os._exit(0)
    if n == 3: return "2"
    if n == 4: return None
    if n == 5: raise KeyError(n)
    if n == 6: return 3.15
    if n == 7: return [1, 2, 3]
    if n == 8: return {"a": 2}
    if n == 9: return 5
    print("no" * 10_000_000)
    raise ZeroDivisionError
def outside(n):
    if n == 1: open("/nowhere/at/all")
    if n == 2: import not_installed_at_all
    if n == 3: sqlite3.connect(":memory:").execute("select * from nothing")
    if n == 4: os.environ["NOT_SET_AT_ALL"]
    if n == 5: input("name? ")
    if n == 6: sys.exit(2)
class Own(ValueError): pass
def own(n): raise Own("no")
def leave(n): raise SystemExit(n)
def show(n): print("*" * n)
"""
HOLD = """
f(1) returns 0.3
f(2) returns 7.5
f(3) returns (1, 2)
f(4) returns ['a', 'b']
f(5) returns {'b': [1]}
f(6) returns 'red'
f(7) returns 'a/b'
f(8) returns (1, 2)
f(9) returns ['a']
f(10) returns about 0.333
f(11) returns 'small'
later(3) returns 3
push(1) returns 1
push(2) returns 2
own(2) raises ValueError
leave(1) raises SystemExit
show(3) gives '***'
"""
DO_NOT = """
odd(1) returns 2
odd(2) returns 2
odd(3) returns 2
odd(4) returns 0
odd(5) returns 2
odd(6) returns 3.14
odd(7) returns [1, 2]
odd(8) returns {'a': 1}
odd(9) returns '5'
odd(10) raises ValueError
own(3) raises KeyError
outside(1) returns 1
outside(2) returns 1
outside(3) returns 1
outside(4) returns 1
outside(5) returns 1
outside(6) returns 1
"""


@pytest.mark.sandbox
def test_values_are_what_the_text_says_or_are_not(tmp_path: Path, isolated: Bubblewrap) -> None:
    """Kinds of numbers and rows do not matter, nor an equality that the work made itself; what needs the world outside is not judged."""
    found = judged(tmp_path, isolated, {PATH: VALUES}, told=(requirement(HOLD + DO_NOT),))
    by_call = outcomes(found)
    holding = [line.partition(" re")[0].partition(" ra")[0] for line in HOLD.split("\n") if line]
    assert {call: said for call, said in by_call.items() if call in holding and not said.startswith("holds")} == {}
    assert len(by_call) == len(holding) + 17
    assert {call: said for call, said in by_call.items() if call.startswith(("odd", "own(3)"))} == {
        "odd(1)": by_call["odd(1)"],
        "odd(2)": "wrong: it ended the process",
        "odd(3)": "wrong: it gave '2'",
        "odd(4)": "wrong: it gave None",
        "odd(5)": "wrong: it raised KeyError: 5",
        "odd(6)": "wrong: it gave 3.15",
        "odd(7)": "wrong: it gave [1, 2, 3]",
        "odd(8)": "wrong: it gave {'a': 2}",
        "odd(9)": "wrong: it gave 5",
        "odd(10)": "wrong: it raised ZeroDivisionError",
        "own(3)": "wrong: it raised Own: no",
    }
    assert by_call["odd(1)"].startswith("wrong: it gave <shop.prices.Any")
    assert {call: said for call, said in by_call.items() if "outside" in call and not said.startswith("untried")} == {}


class Ending:
    """Where every command ends in the same way, and leaves nothing."""

    def __init__(self, limit: str | None) -> None:
        self.limit = limit

    async def run(self, *arguments: object, **named: object) -> Completed:
        return Completed(code=-1, stdout="", stderr="", limit_hit=self.limit)


@pytest.mark.parametrize(("limit", "passed"), [("timeout_s", True), (None, False)])
def test_what_takes_too_long_all_together_is_not_judged(limit: str | None, passed: bool, tmp_path: Path) -> None:
    """Each may be right, and slow; a command that ends without a word is refused."""
    found = judged(tmp_path, Ending(limit), {PATH: HONEST})
    assert found.passed is passed
    if passed:
        assert set(outcomes(found).values()) == {"untried: all together were stopped (timeout_s)"}


@pytest.mark.sandbox
def test_what_cannot_be_imported_here_is_not_judged(tmp_path: Path, isolated: Bubblewrap) -> None:
    """An example is no test of what a module needs around it; the evidence says why it was not tried."""
    found = judged(tmp_path, isolated, {PATH: "import not_installed_at_all\n" + HONEST})
    assert found.passed
    assert found.summary.startswith(
        "0 of 2 examples of the text hold; 2 not tried: `discount(1000, 25)` returns `750`: "
    )
    assert "not_installed_at_all" in found.summary


@pytest.mark.parametrize(
    ("files", "more", "why"),
    [
        ({"src/shop/other.py": CHEAT, "src/shop/third.py": CHEAT}, {}, "is defined in several sources"),
        ({PATH: "x = 1\n"}, {}, "no source defines discount"),
        ({"src/shop/other.py": CHEAT}, {"changed": ()}, "src/shop/other.py is not what these tasks make"),
        ({PATH: CHEAT}, {"tasks": (coding(), coding("more"))}, "it is tried when more is there"),
        ({PATH: CHEAT}, {"tasks": (coding(), coding("more", ""))}, "it is tried when more is there"),
        ({PATH: CHEAT}, {"tasks": (coding("a", ""), coding("b", "src/shop/b.py"))}, "it is tried when b is there"),
        ({PATH: CHEAT}, {"tasks": (coding(kind="debugging"),)}, "it may be the fault that is to be mended"),
        ({PATH: CHEAT}, {"told": (requirement("`discount(1000, 25)` is `750`"), requirement("`discount(1000, 25)` is `1`", "R2")),
                         "tasks": (coding(serves=("R1", "R2")),)}, "the texts give several results"),
        ({PATH: CHEAT}, {"told": (requirement("-", scenarios=(Scenario(given=("a tax",), then=("`discount(1000, 25)` is `1`",)),)),)},
         "it holds on a condition"),
    ],
)  # fmt: skip
def test_in_doubt_nothing_is_run_and_the_evidence_says_why(
    files: Mapping[str, str], more: dict[str, object], why: str, tmp_path: Path
) -> None:
    """Which function is meant, whether it is finished, and what the text means has to be certain."""
    found = judged(tmp_path, NoSandbox(), files, **more)  # type: ignore[arg-type]
    assert found.passed
    assert why in outcomes(found)["discount(1000, 25)"]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("tasks", "landed", "changed"),
    [
        ((coding(), coding("other", "src/shop/other.py")), (), (PATH,)),
        ((coding("code", "shop.prices:discount"), coding("other", "src/shop/other.py")), (), (PATH,)),
        ((coding("b", "src/shop/other.py"), coding()), ("code",), ("src/shop/other.py",)),
        ((coding("b", ""), coding("a", "")), ("a",), ("src/shop/other.py",)),
        ((coding("a", "tests/test_a.py"),), (), (PATH,)),
    ],
)
def test_what_is_finished_is_tried_whoever_is_the_last(
    tasks: Sequence[Task], landed: Sequence[str], changed: Sequence[str], tmp_path: Path, isolated: Bubblewrap
) -> None:
    """By who promised the module, by who changed it, and at the latest with the last task of the requirement."""
    files = {PATH: CHEAT, "tests/test_prices.py": "def discount(a, b): ..."}
    found = judged(tmp_path, isolated, files, tasks=tasks, landed=landed, changed=changed)
    assert not found.passed, outcomes(found)


@pytest.mark.sandbox
def test_what_should_be_mended_is_asked_for_of_a_repair(tmp_path: Path, isolated: Bubblewrap) -> None:
    """What it does now is no example; what it should do is one."""
    told = requirement("`discount(1000, 25)` returns `700`. It is wrong: `discount(999, 50)` should return `499`.")
    found = judged(tmp_path, isolated, {PATH: HONEST}, told=(told,), tasks=(coding(kind="debugging"),))
    assert found.passed
    assert [said.partition(":")[0] for said in outcomes(found).values()] == ["untried", "holds"]


@pytest.mark.sandbox
def test_what_is_certain_in_one_place_is_certain(tmp_path: Path, isolated: Bubblewrap) -> None:
    """Though another place says it under a condition; and an optional task is asked as any other."""
    told = requirement("If it is open, `discount(1000, 25)` returns `750`.")
    task = evolve(coding(), optional=True, description="`discount(1000, 25)` returns `750`.")
    assert not judged(tmp_path, isolated, {PATH: CHEAT}, told=(told,), tasks=(task,)).passed


@pytest.mark.parametrize(
    "text", ["It takes off a percentage.", "`discount(cents, 25)` returns less.", "Delete (all) of it."]
)
def test_without_examples_nothing_is_run(text: str, tmp_path: Path) -> None:
    """No command, no environment, no evidence."""
    found = judged(tmp_path, NoSandbox(), {PATH: CHEAT}, told=(requirement(text),))
    assert found.passed and found.details == {"vacuous": True}


def test_a_language_that_cannot_try_them_lets_pass(tmp_path: Path) -> None:
    """Values in prose are not taken for another language's."""
    language = JavaScript(name="javascript", options=JavaScriptOptions(), cache=tmp_path)
    assert judged(tmp_path, NoSandbox(), {PATH: CHEAT}, language=language).details == {"vacuous": True}


def test_it_is_asked_about_code_alone() -> None:
    """Tests, notes, the whole, and tasks of which nothing is said are none of its business."""
    check = ExamplesCheck()
    plan = ExecutionPlan(specification=Specification(id="s", title="S"), tasks=())
    assert [
        kind for kind in ("debugging", "refactoring", "testing", "research") if check.applies(coding(kind=kind), plan)
    ] == [
        "debugging",
        "refactoring",
    ]
    assert not check.applies(None, plan)
    assert not check.applies(Task(id="t", title="t"), plan)
