"""``explain``: why a task waits for another or may run beside it, everything about a task, and what costs the most time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ._common import echo_json, output_option

if TYPE_CHECKING:
    from ..dispatcher import AgentDispatcher
    from ..models import Event, ExecutionPlan, Task
    from ..planning.explain import Explainer
    from ..planning.task_names import TaskNames
    from ..provenance import Account

__all__ = ["explain"]

#: So many of the edges that cost time are shown by ``--serial``; ``--json`` gives all.
_SERIAL_EDGES = 15


@click.command()
@click.argument("source")
@click.argument("tasks", nargs=-1, metavar="[TASK [TASK]]")
@click.option("--serial", is_flag=True, help="Show the edges that cost the most time, the weakest evidence first.")
@click.option("--said", is_flag=True, help="Show what was asked of a model, answered and (in a run) printed, in full.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON (stable, versioned).")
@output_option("Where SOURCE, a run, works.")
def explain(source: str, tasks: tuple[str, ...], serial: bool, said: bool, as_json: bool, output: str | None) -> int:
    """Say why.

    SOURCE is a specification, a plan file or a run. With two tasks: why one waits for the other, with evidence and cost, or why both may run at the
    same time. With one: everything about it, of a run also what each agent asked and ran. A TASK is its id, its id in the source, its title, or the
    beginning of one of these; of a run also a commit.
    """
    from ..dispatcher import AgentDispatcher
    from ..planning.explain import Explainer
    from ..planning.task_names import TaskNames
    from ._plan_source import is_run, plan_to_look_at

    if serial == bool(tasks) or len(tasks) > 2:
        raise UsageError("name one task, or two, or give --serial")
    dispatcher = AgentDispatcher()
    plan = plan_to_look_at(dispatcher, source, output, quiet=as_json)
    explainer, names = Explainer(plan), TaskNames(plan)
    if serial:
        _serial(explainer, names, as_json)
    elif len(tasks) == 2:
        _pair(explainer, names, names.find(tasks[0]), names.find(tasks[1]), as_json)
    else:
        if output is None and not is_run(source):
            if said and not plan.said:
                raise UsageError(
                    f"--said is about a run, or a plan for which a model was asked, and {source} is neither"
                )
            _task(dispatcher, explainer, names, names.find(tasks[0]), as_json, said)
        else:
            _task_of_run(
                dispatcher, explainer, names, tasks[0], as_json, said, source if is_run(source) else None, output
            )
    return 0


def _pair(explainer: Explainer, names: TaskNames, first: Task, second: Task, as_json: bool) -> None:
    if first is second:
        raise UsageError(f"{names.short(first)!r} is named twice: name two tasks, or one")
    pair = explainer.pair(first, second)
    if as_json:
        from ..planning.explain_json import pair_to_json

        echo_json(pair_to_json(pair))
        return
    from ._explained import print_pair

    print_pair(pair, names)


def _task(
    dispatcher: AgentDispatcher, explainer: Explainer, names: TaskNames, task: Task, as_json: bool, said: bool
) -> None:
    from ..planning.model_calls import calls_about
    from ._explained_work import SAID, planning_to_json, print_planning

    about, plan = explainer.task(task), explainer.plan
    agents = _agent_types(dispatcher, plan, task)
    calls = calls_about(task, plan.planning_calls)
    if as_json:
        from ..planning.explain_json import task_to_json

        asked = planning_to_json(calls, plan.said, said=said)
        echo_json({**task_to_json(about, agent_types=agents), "planning": asked, "work": None, "whole_checks": None})
        return
    from ._explained import print_task

    print_task(about, names, agents, None)
    print_planning(calls, plan.said, said=said)
    if calls and plan.said and not said:
        click.echo(SAID)


def _task_of_run(
    dispatcher: AgentDispatcher,
    explainer: Explainer,
    names: TaskNames,
    wanted: str,
    as_json: bool,
    said: bool,
    run: str | None,
    output: str | None,
) -> None:
    from ..planning.model_calls import calls_about
    from ..provenance import accounts
    from ..runs.index import STATE_FOLDER
    from ._explained_work import (
        SAID,
        planning_to_json,
        print_planning,
        print_whole_checks,
        print_work,
        whole_checks_to_json,
        work_to_json,
    )

    log = dispatcher.log_of(run, output)
    found = accounts(log.events)
    task, attempt = _task_or_commit(names, wanted, log.events)
    work: list[Account] = [one for key, one in found.items() if key[0] == task.id and attempt in (None, key[1])]
    folder = Path(log.output) / STATE_FOLDER / "runs" / log.run
    about = explainer.task(task)
    agents = _recorded_types(log.events, explainer.plan, task) or _agent_types(dispatcher, explainer.plan, task)
    all_results = dispatcher.result_of(run, output)
    result = next((each for each in all_results.task_results if each.id == task.id), None)
    checks = [each for each in all_results.whole_checks if task.id in each.tasks]
    calls = calls_about(task, explainer.plan.planning_calls)
    if as_json:
        from ..planning.explain_json import task_to_json

        document = task_to_json(about, agent_types=agents, result=result)
        asked = planning_to_json(calls, folder, said=said)
        done = work_to_json(work, folder, said=said)
        echo_json({**document, "planning": asked, "work": done, "whole_checks": whole_checks_to_json(checks)})
        return
    from ._explained import print_task

    print_task(about, names, agents, result)
    print_planning(calls, folder, said=said)
    print_work(work, folder, said=said)
    print_whole_checks(checks, folder)
    if not said and (calls or any(account.did for account in work)):
        click.echo(SAID)


def _task_or_commit(names: TaskNames, wanted: str, events: tuple[Event, ...]) -> tuple[Task, int | None]:
    """The task that is meant; of a commit also the attempt it is the work of."""
    from ..provenance import attempt_of_commit

    try:
        return names.find(wanted), None
    except UsageError as error:
        place = attempt_of_commit(events, wanted)
        if place is None:
            raise UsageError(f"{error}, and no commit of the run's work") from None
        return names.find(place[0]), place[1]


def _recorded_types(events: tuple[Event, ...], plan: ExecutionPlan, task: Task) -> tuple[tuple[str, str | None], ...]:
    """Who was to do the task when its run was last begun or resumed, in rank; nobody where the run holds nothing of that.

    Today's configuration may be another one, and would say what never was.
    """
    from ..coordination.beginning import Beginning

    prepared = next((event for event in reversed(events) if event.type == "run.prepared"), None)
    if prepared is None:
        return ()
    beginning, _ = Beginning.from_data(prepared.data, plan)
    return tuple((name, None) for name in beginning.candidates.get(task.id, ()))


def _agent_types(
    dispatcher: AgentDispatcher, plan: ExecutionPlan, task: Task
) -> tuple[tuple[str, str | None], ...] | None:
    return None if task.children else dispatcher.agent_types_for(plan, task)


def _serial(explainer: Explainer, names: TaskNames, as_json: bool) -> None:
    if as_json:
        from ..planning.explain_json import serial_to_json

        echo_json(serial_to_json(explainer.serial()))
        return
    from ._explained import print_serial

    print_serial(explainer.serial(_SERIAL_EDGES), names)
