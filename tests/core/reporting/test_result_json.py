"""The result as JSON, written in the quick way and in the plain one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher.models import Evidence, ExecutionMetrics, ExecutionResult, Specification, TaskResult
from agent_dispatcher.reporting import result_in_pieces, result_to_json

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\x00\x7f\u2028</'), max_size=8)
said = st.none() | texts
tasks = st.builds(
    TaskResult,
    id=texts,
    status=texts,
    source_id=said,
    title=texts,
    agent=said,
    attempts=st.integers(0, 9),
    commit=said,
    evidence=st.lists(
        st.builds(Evidence, id=texts, check=texts, passed=st.booleans(), details=st.dictionaries(texts, said)),
        max_size=2,
    ).map(tuple),
    error=said,
    approval=texts,
    added_by=texts,
    tokens=st.integers(0, 2**60),
    cost_usd=st.none() | st.floats() | st.integers(0, 9),
)


@given(st.lists(tasks, max_size=3))
def test_rows_in_pieces_are_those_of_the_document(rows: list[TaskResult]) -> None:
    """Whatever stands in a task's result, its text is, letter for letter, what ``json`` makes of it."""
    result = ExecutionResult(
        run="r",
        status="completed",
        specification=Specification(id="s", title="S"),
        metrics=ExecutionMetrics(),
        task_results=tuple(rows),
    )
    assert "".join(result_in_pieces(result)) == json.dumps(result_to_json(result), ensure_ascii=False)
