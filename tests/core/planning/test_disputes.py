"""When an objection to a test is upheld: what can be seen to be so decides, and once."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import (
    ArtifactRef,
    Dependency,
    Dispute,
    ExecutionPlan,
    PlanPatch,
    Requirement,
    Specification,
    Task,
)
from agent_dispatcher.planning.disputes import patch_for

SPECIFICATION = Specification(
    id="s",
    title="S",
    requirements=(
        Requirement(
            id="FR-1", text="Words are joined by single hyphens.", edge_cases=("An empty title gives no slug.",)
        ),
        Requirement(id="FR-2", text="Pages are listed by their date of publication."),
    ),
)
TESTS = Task(
    id="tests",
    title="Test it",
    type="testing",
    requirements=("FR-1",),
    verifies=("code",),
    produces=(ArtifactRef(type="path", name="tests/test_a.py"),),
)
CODE = Task(id="code", title="Write it", requirements=("FR-1",))
PLAN = ExecutionPlan(specification=SPECIFICATION, tasks=(TESTS, CODE))
SOUND = Dispute(test="tests/test_a.py::test_it", quote="joined by  single Hyphens")


def refusal(dispute: Dispute, plan: ExecutionPlan = PLAN, landed: frozenset[str] = frozenset({"tests"})) -> str:
    """Why it is not upheld."""
    found = patch_for(plan, landed, "code", dispute)
    assert isinstance(found, tuple)
    return " ".join(map(str, found))


def test_one_that_is_upheld_adds_a_task_that_writes_the_test_anew() -> None:
    """It promises and verifies what the first did, and the disputing task waits for it; the reason stands in the patch and in its edge."""
    patch = patch_for(PLAN, {"tests"}, "code", SOUND)
    assert isinstance(patch, PlanPatch)
    (anew,) = patch.add
    assert (anew.id, anew.type, anew.verifies, anew.produces) == ("tests-anew", "testing", ("code",), TESTS.produces)
    (edge,) = patch.add_dependencies
    assert (edge.before, edge.after) == ("tests-anew", "code")
    assert patch.why == edge.reasons[0].evidence
    assert "task code disputes tests/test_a.py::test_it" in patch.why
    assert patch.why in anew.description
    assert isinstance(
        patch_for(PLAN, {"tests"}, "code", Dispute(test=SOUND.test, quote="an empty title gives")), PlanPatch
    )


@pytest.mark.parametrize(
    ("dispute", "why"),
    [
        (Dispute(test=SOUND.test, quote="joined by double hyphens"), "does not say"),
        (Dispute(test=SOUND.test, quote="single hyphens"), "at least 3 words"),
        (Dispute(test=SOUND.test, quote="listed by their date"), "does not say"),
        (Dispute(test="tests/test_b.py::test_it", quote=SOUND.quote), "no finished testing task"),
        (Dispute(test="tests/test_a.pyx::test_it", quote=SOUND.quote), "no finished testing task"),
    ],
)
def test_what_cannot_be_seen_is_refused(dispute: Dispute, why: str) -> None:
    """Words that are not there, too few of them, those of a requirement that the task does not serve; a test that no task of the plan wrote."""
    assert why in refusal(dispute)


def test_a_test_that_has_not_landed_is_not_disputed() -> None:
    """There is nothing to write anew."""
    assert "no finished testing task" in refusal(SOUND, landed=frozenset())


def test_a_test_is_written_anew_once() -> None:
    """What both writings demand stands, whoever's test is named."""
    patch = patch_for(PLAN, {"tests"}, "code", SOUND)
    assert isinstance(patch, PlanPatch)
    both = ExecutionPlan(specification=SPECIFICATION, tasks=(TESTS, CODE, *patch.add))
    assert "written anew before" in refusal(SOUND, both, frozenset({"tests", "tests-anew"}))


@pytest.mark.parametrize("type", ["refactoring", "debugging", "code_writing"])
def test_who_changes_what_is_there_disputes_its_tests(type: str) -> None:
    """Nothing verifies a task that rebuilds or mends: the tests of what it goes on from, however indirectly, are those it is refused for. New code has tests of its own."""
    between = Task(id="between", title="Use it")
    again = Task(id="again", title="Do it again", type=type, requirements=("FR-1",))
    edges = (Dependency(before="code", after="between"), Dependency(before="between", after="again"))
    plan = ExecutionPlan(specification=SPECIFICATION, tasks=(TESTS, CODE, between, again), dependencies=edges)
    found = patch_for(plan, {"tests", "code", "between"}, "again", SOUND)
    assert isinstance(found, PlanPatch) == (type != "code_writing")
    if isinstance(found, PlanPatch):
        assert [(edge.before, edge.after) for edge in found.add_dependencies] == [("tests-anew", "again")]
    alone = ExecutionPlan(specification=SPECIFICATION, tasks=(TESTS, CODE, again))
    assert not isinstance(patch_for(alone, {"tests", "code"}, "again", SOUND), PlanPatch)
