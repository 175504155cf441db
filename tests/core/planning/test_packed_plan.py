"""A plan comes out of the store as it was put in, and a damaged one is named."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.codec import to_json
from agent_dispatcher.errors import StoreError
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    Dependency,
    Dropped,
    Estimates,
    Exclusion,
    ExecutionPlan,
    Gate,
    Reason,
    Requirement,
    ResourceNeed,
    Specification,
    Step,
    Task,
)
from agent_dispatcher.planning.packed_plan import pack, unpack

NAMES = ("a", "b", "c", 'ü\u2028 \\"', "e" * 40)
TEXTS = st.sampled_from(["", "t", '\n"\\', "größer"])
REASONS = st.lists(
    st.builds(Reason, rule=st.sampled_from(["given", "data"]), confidence=st.sampled_from([0.5, 1.0]), evidence=TEXTS),
    max_size=2,
).map(tuple)


def tasks(name: str) -> st.SearchStrategy[Task]:
    return st.builds(
        Task,
        id=st.just(name),
        title=TEXTS,
        source_id=st.none() | TEXTS,
        description=TEXTS,
        type=st.sampled_from(["code_writing", "testing", ""]),
        agent_type=st.none() | st.just("writer"),
        status=st.sampled_from(["pending", "completed", "skipped"]),
        requirements=st.sampled_from([(), ("R1", "R2")]),
        depends_on=st.sampled_from([(), (DeclaredDependency(task="a", source="x.md:1"),)]),
        produces=st.sampled_from([(), (ArtifactRef(type="path", name="x"),)]),
        steps=st.sampled_from([(), (Step(id="1", title="one", depends_on=("0",)),)]),
        children=st.sampled_from([(), ("a",)]),
        needs=st.sampled_from([(), (ResourceNeed(resource="gpu", amount=2),)]),
        complexity=st.sampled_from([1.0, 2, 2.5]),
        priority=st.sampled_from([0, 3, -1]),
        estimate_s=st.sampled_from([60.0, 0.1, 7]),
        optional=st.booleans(),
    )


EDGES = st.builds(
    Dependency,
    before=st.sampled_from(NAMES),
    after=st.sampled_from(NAMES),
    strength=st.sampled_from(["binding", "advisory"]),
    reasons=REASONS,
)
PLANS = st.builds(
    ExecutionPlan,
    specification=st.just(Specification(id="s", title="S", requirements=(Requirement(id="R1", text="It works"),))),
    tasks=st.tuples(*(tasks(name) for name in NAMES)),
    dependencies=st.lists(EDGES, max_size=8).map(tuple),
    exclusions=st.sampled_from([(), (Exclusion(tasks=("a", "b"), resource="path:x"),)]),
    gates=st.sampled_from([(), (Gate(test="a", subject="b"),)]),
    dropped=st.sampled_from([(), (Dropped(before="a", after="c", kind="redundant", why="a → b → c"),)]),
    phases=st.sampled_from([(), (("a", "b"), ("c",))]),
    critical_path=st.sampled_from([(), ("a", "c")]),
    estimates=st.just(Estimates(work_s=3.0, span_range_s=(1.0, 2.0))),
    warnings=st.sampled_from([(), ("careful",)]),
)


@settings(max_examples=60, deadline=None)
@given(PLANS)
def test_a_plan_comes_back_as_it_was(plan: ExecutionPlan) -> None:
    """Every field of every part, with the types the codec gives, also from a blob that was not packed; what came back is packed the same."""
    read = unpack(pack(plan), where="it")
    assert read == plan
    assert to_json(read) == to_json(unpack(to_json(plan, sparse=True).encode(), where="it"))
    assert unpack(pack(read), where="it") == plan


def test_a_plan_that_names_a_task_it_has_not_is_kept_as_it_is() -> None:
    """Nothing is lost or refused here: whoever validates the plan says what is wrong with it."""
    plan = ExecutionPlan(
        specification=Specification(id="s", title="S"),
        tasks=(Task(id="a", title="A"),),
        dependencies=(Dependency(before="a", after="gone"),),
    )
    assert unpack(pack(plan), where="it") == plan


def test_many_edges_cost_a_few_bytes_each() -> None:
    """Reasons that many edges share stand there once."""
    reasons = (Reason(rule="given", evidence="a long sentence that says why" * 5),)
    names = [f"t{number}" for number in range(200)]
    plan = ExecutionPlan(
        specification=Specification(id="s", title="S"),
        tasks=tuple(Task(id=name, title=name) for name in names),
        dependencies=tuple(
            Dependency(before=first, after=second, reasons=reasons) for first, second in pairwise(names)
        ),
    )
    single = evolve(plan, dependencies=plan.dependencies[:1])
    assert (len(pack(plan)) - len(pack(single))) / 198 < 12
    assert len({id(edge.reasons) for edge in unpack(pack(plan), where="it").dependencies}) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"packed": 2}, "newer version"),
        ({"before": [7]}, "damaged: IndexError"),
        ({"after": []}, "damaged: ValueError"),
        ({"tasks": [{"id": "a", "title": "A", "colour": "red"}]}, "unknown key 'colour'"),
        ({"tasks": [{"id": "a", "title": "A", "steps": 1}]}, "steps: expected a list"),
        ({"plan": {}}, "specification: it is missing"),
        ({"sorts": None}, "damaged: TypeError"),
    ],
)
def test_what_is_no_plan_is_named(change: dict[str, Any], message: str) -> None:
    """A blob that cannot have been written by this version says so with its name, whatever is wrong with it."""
    plan = ExecutionPlan(
        specification=Specification(id="s", title="S"),
        tasks=(Task(id="a", title="A"), Task(id="b", title="B")),
        dependencies=(Dependency(before="a", after="b"),),
    )
    data = json.dumps(json.loads(pack(plan)) | change).encode()
    with pytest.raises(StoreError, match=message) as caught:
        unpack(data, where="the plan of run r")
    assert str(caught.value).startswith("the plan of run r")
    with pytest.raises(StoreError, match="the plan of run r is damaged"):
        unpack(b"\x00" + data, where="the plan of run r")
