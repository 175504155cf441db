"""Tasks are found by what people call them, and shown by names that can be typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher.errors import UsageError
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher.planning.task_names import TaskNames

TASKS = [
    {"id": "write-the-model-3f9a", "source_id": "T001", "title": "Write the model"},
    {"id": "write-the-views-77c1", "source_id": "T002", "title": "Write the views"},
    {"id": "storage-ea35", "title": "Store it", "steps": [{"id": "9.1", "title": "Open"}]},
    {"id": "twin-a1", "source_id": "T7", "title": "Twin"},
    {"id": "twin-a2", "source_id": "T7", "title": "Twin"},
]
NAMES = TaskNames(plan_tasks(TASKS))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("write-the-model-3f9a", "write-the-model-3f9a"),
        ("T001", "write-the-model-3f9a"),
        ("t001", "write-the-model-3f9a"),
        ("9.1", "storage-ea35"),
        ("Write the  views", "write-the-views-77c1"),
        ("write-the-v", "write-the-views-77c1"),
        ("write the m", "write-the-model-3f9a"),
        ("storage", "storage-ea35"),
    ],
)
def test_a_task_is_found_by_any_of_its_names(name: str, found: str) -> None:
    """Its id, the source's id, a step of it, its title, and the beginning of one of them, in whatever case."""
    assert NAMES.find(name).id == found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("T003", "there is no task 'T003'; did you mean"),
        ("storrage-ea35", "did you mean storage (Store it)?"),
        ("views", "did you mean T002 (Write the views)?"),
        ("Twin", "'Twin' could be twin-a1 (Twin) or twin-a2 (Twin)"),
        ("write", "could be T001 (Write the model) or T002 (Write the views)"),
        ("zzz", "there is no task 'zzz' among T001, T002, storage, twin-a1, twin-a2"),
    ],
)
def test_what_is_not_clear_is_said(name: str, said: str) -> None:
    """No task, or several: the answer names those that come close, each by a name that works."""
    with pytest.raises(UsageError, match=r"no task|could be") as refused:
        NAMES.find(name)
    assert said in str(refused.value)


def test_a_plan_without_tasks_says_so() -> None:
    """There is nothing to be close to."""
    with pytest.raises(UsageError, match="this plan has none"):
        TaskNames(plan_tasks([])).find("a")


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[ab]{1,2}(-[ab0]{1,2}){0,3}", fullmatch=True),
            st.sampled_from([None, "1", "a", "T1", "ab"]),
            st.sampled_from(["a", "b", "a-b", "Do it"]),
        ),
        unique_by=lambda each: each[0],
        max_size=12,
    )
)
def test_the_short_name_finds_its_task(drawn: list[tuple[str, str | None, str]]) -> None:
    """Whatever the ids look like, what is shown can be typed."""
    plan = plan_tasks([{"id": one, "source_id": own, "title": title} for one, own, title in drawn])
    names = TaskNames(plan)
    for task in plan.tasks:
        assert names.find(names.short(task)).id == task.id
