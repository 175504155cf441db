"""Whatever is required: a valid plan that covers it, the same each time, in near-linear time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.extension import Decomposition, PlanningContext
from agent_dispatcher.models import Requirement, Scenario, Specification
from agent_dispatcher.planning.references import resolve_references
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer
from agent_dispatcher_builtins.decomposers.splitting import MOST_REQUIREMENTS

WORDS = (
    "invoice customer reminder the system must send store e-mail when GameSession line_items `POST /loans` report export 請求書 顧客 通知 システム "
    "Rechnung Kunde muss versenden facture client счёт клиент отправить 发票 客户 송장 고객 \x00 🚀 **bold** [NEEDS CLARIFICATION: which?] # | ``` TBD"
)

texts = st.one_of(
    st.lists(st.sampled_from(WORDS.split(" ")), max_size=25).map(" ".join),
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "   ",
            "x" * 5000,
            "As a clerk, I want to lend books, so that they are read.",
            "Testing",
            "What happens when it fails?",
        ]
    ),
)
scenarios = st.builds(
    Scenario, title=texts, given=st.tuples(texts), when=st.tuples(texts), then=st.lists(texts, max_size=3).map(tuple)
)
ids = st.one_of(
    st.from_regex(r"(FR|SC|EDGE|US|R)-?[0-9]{1,3}", fullmatch=True),
    st.from_regex(r"[0-9]\.[0-9]{1,2}", fullmatch=True),
    st.text(min_size=1, max_size=6),
)
requirements = st.builds(
    Requirement,
    id=ids,
    text=texts,
    priority=st.sampled_from(["critical", "high", "medium", "low"]),
    scenarios=st.lists(scenarios, max_size=8).map(tuple),
    edge_cases=st.lists(texts, max_size=6).map(tuple),
    constraints=st.lists(texts, max_size=25).map(tuple),
    source=st.sampled_from(["", "spec.md:3", "nowhere", "a:b:c"]),
)
specifications = st.builds(
    Specification,
    id=st.just("s"),
    title=texts,
    requirements=st.lists(requirements, min_size=1, max_size=12, unique_by=lambda each: each.id).map(tuple),
    glossary=st.dictionaries(texts, texts, max_size=4),
)


def decomposed(specification: Specification) -> Decomposition:
    answer = asyncio.run(PatternDecomposer().decompose(specification, PlanningContext(specification=specification)))
    assert isinstance(answer, Decomposition), answer
    return answer


@settings(max_examples=25, deadline=None)
@given(specifications)
def test_any_specification_is_covered_by_a_valid_plan(specification: Specification) -> None:
    """Every requirement is served and none invented; ids are unique, references resolve, no task is too large, titles fit on a line."""
    answer = decomposed(specification)
    served = {name for task in answer.tasks for name in task.requirements}
    assert served == {each.id for each in specification.requirements}
    resolved, problems, _ = resolve_references(answer.tasks)
    assert problems == []
    assert len({task.id for task in resolved}) == len(answer.tasks)
    by_id = {task.id: task for task in answer.tasks}
    for task in answer.tasks:
        assert task.title.strip()
        assert len(task.title) <= 120
        assert "\n" not in task.title
        assert 0 < task.complexity <= 10
        assert task.estimate_s > 0
        assert all(by_id[name].type != "testing" for name in task.verifies)
        if task.type == "code_writing":
            assert len(task.requirements) < 2 * MOST_REQUIREMENTS
    for each in answer.suggestions:
        assert each.before in by_id
        assert each.after in by_id
        assert each.before != each.after


@settings(max_examples=5, deadline=None)
@given(specifications)
def test_equal_specifications_give_equal_tasks(specification: Specification) -> None:
    """Nothing depends on the hashing of a process or on what was decomposed before."""
    assert decomposed(specification) == decomposed(specification)


def large(count: int) -> Specification:
    """Requirements that share words with a few others each, and all of them a few words."""
    return Specification(
        id="s",
        title="S",
        requirements=tuple(
            Requirement(
                id=f"R{number}",
                text=f"The system must send the word{'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10 % 10]}{'uvwxyz'[number // 100 % 6]} report of account{'abcdefghij'[number % 7]} to customers within {number} days.",
            )
            for number in range(count)
        ),
    )


def test_it_grows_near_linearly(growth: Callable[..., float]) -> None:
    """Of ten times the requirements each costs at most two and a half times as much; none is left out."""

    def prepare(count: int) -> Callable[[], object]:
        specification = large(count)
        assert len({name for task in decomposed(specification).tasks for name in task.requirements}) == count
        return lambda: decomposed(specification)

    assert growth(prepare, 300, 3000) < 2.5


@pytest.mark.parametrize(
    "sign", ["a", "Aa", "_a", "[", "[a](", "must ", "How does the ", "請求書", " ", "[NEEDS CLARIFICATION"]
)
def test_long_texts_take_no_longer_than_reading_them(sign: str) -> None:
    """Whatever they repeat: no pattern backs up through a text."""
    start = time.process_time()
    decomposed(Specification(id="s", title="S", requirements=(Requirement(id="R1", text=sign * 50_000),)))
    assert time.process_time() - start < 3
