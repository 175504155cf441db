"""Reports of very large runs show the part that somebody may want to look at."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.models import Event, ExecutionResult, TaskResult
from agent_dispatcher.planning.planner import plan_tasks
from agent_dispatcher_builtins.reporters.excerpt import SHOWN, WHOLE, excerpt
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter

FAILED = "t2500"


def run_of(count: int) -> tuple[ExecutionResult, object, list[Event]]:
    plan = plan_tasks(
        [{"id": f"t{number}", "title": f"Task {number} of many"} for number in range(count)],
        [(f"t{number}", f"t{number + 7}") for number in range(count - 7)],
    )
    results = tuple(
        TaskResult(id=task.id, status="failed" if task.id == FAILED else "completed", title=task.title, attempts=1)
        for task in plan.tasks
    )
    events = [Event(run="r", type="run.started", at=1.0, seq=1, data={})]
    for task in plan.tasks:
        events.append(Event(run="r", type="attempt.started", at=2.0, seq=2, task=task.id, attempt=1, data={}))
    return (
        ExecutionResult(run="r", status="failed", specification=plan.specification, task_results=results),
        plan,
        events,
    )


def test_a_run_of_usual_size_is_shown_whole() -> None:
    """Nothing is left out, and nothing is said about it."""
    result, plan, events = run_of(WHOLE)
    part = excerpt(result, plan, events)  # type: ignore[arg-type]
    assert part.note == ""
    assert part.result is result


def test_what_went_wrong_is_always_shown() -> None:
    """Of thousands of tasks the failed one is shown, with whole edges only, and the number of the others is said."""
    result, plan, events = run_of(3000)
    part = excerpt(result, plan, events)  # type: ignore[arg-type]
    shown = {task.id for task in part.plan.tasks}
    assert FAILED in shown
    assert len(shown) == SHOWN
    assert {task.id for task in part.result.task_results} == shown
    assert all(each.before in shown and each.after in shown for each in part.plan.dependencies)
    assert {event.task for event in part.events} == {None, *shown}
    assert f"{SHOWN} of 3000 tasks" in part.note


def test_reports_of_large_runs_stay_small_and_count_everything(tmp_path: Path) -> None:
    """Sums are those of the whole run; the page says where the tasks are that it does not show."""
    result, plan, events = run_of(3000)
    [page] = HtmlReporter().write(result, plan, events, tmp_path)  # type: ignore[arg-type]
    [text] = MarkdownReporter().write(result, plan, events, tmp_path)  # type: ignore[arg-type]
    html, markdown = page.read_text(), text.read_text()
    assert len(html) < 600_000
    assert "2999 of 3000" in html and "2999 of 3000" in markdown
    assert "Task 2500 of many" in html and "Task 2500 of many" in markdown
    assert "result.json has them all" in html and "result.json has them all" in markdown
