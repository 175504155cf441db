"""``plan``, ``validate``, ``graph``: everything that can be said before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import DispatcherError, PlanError, Problem, SpecificationError, UsageError
from ._common import echo_json, fresh_option, output_option

if TYPE_CHECKING:
    from ..dispatcher import AgentDispatcher
    from ..models import ExecutionPlan

__all__ = ["graph", "plan", "validate"]


@click.command()
@click.argument("source", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON (stable, versioned).")
@click.option("--mermaid", is_flag=True, help="Print the graph as Mermaid.")
@click.option("--dot", is_flag=True, help="Print the graph as Graphviz DOT.")
@fresh_option
@click.option("--full", is_flag=True, help="Show every task of a long plan.")
@click.option(
    "--output",
    "-o",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="Write the plan to FILE: .json can be run and compared, .html looked at in a browser.",
)
def plan(source: str, as_json: bool, mermaid: bool, dot: bool, fresh: bool, full: bool, output: str | None) -> int:
    """Show what would be done for SOURCE, and in which order. Nothing is changed."""
    from ..dispatcher import AgentDispatcher
    from ._plan_source import load_plan

    if sum((as_json, mermaid, dot)) > 1:
        raise UsageError("--json, --mermaid and --dot exclude each other")
    dispatcher = AgentDispatcher()
    made = load_plan(dispatcher, source, fresh=fresh, quiet=as_json)
    if output is not None:
        dispatcher.write_plan(made, Path(output))
        click.echo(f"plan written to {output}", err=True)
    if as_json:
        from ..planning.plan_json import plan_to_json

        echo_json(plan_to_json(made))
    elif mermaid or dot:
        _print_graph(made, dot=dot)
    elif output is None:
        from ._plan_table import print_plan

        print_plan(made, full=full)
    return 0


@click.command()
@click.argument("source", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@output_option("Where it would be run, as in 'run': what speaks against that folder is a problem, too.")
@click.option("--allow-partial", is_flag=True, help="As in 'run': tasks that no agent can do are no problem.")
@fresh_option
@click.option("--unsafe-no-sandbox", is_flag=True, help="As in 'run': a missing sandbox is no problem.")
def validate(
    source: str, as_json: bool, output: str | None, allow_partial: bool, fresh: bool, unsafe_no_sandbox: bool
) -> int:
    """Say everything that stands in the way of running SOURCE, all at once."""
    from ..dispatcher import AgentDispatcher
    from ..models import used_in_words

    dispatcher = AgentDispatcher()
    made, problems = _problems(
        dispatcher,
        source,
        output,
        allow_partial=allow_partial,
        fresh=fresh,
        unsafe_no_sandbox=unsafe_no_sandbox,
        quiet=as_json,
    )
    title = source if made is None else made.specification.title
    if as_json:
        echo_json(
            {
                "valid": not problems,
                "problems": [{"what": p.what, "where": p.where, "remedy": p.remedy} for p in problems],
            }
        )
    elif problems:
        click.echo(f"{title}: {len(problems)} problem(s)", err=True)
        for problem in problems:
            click.echo(f"  {problem}", err=True)
    elif made is not None:
        click.echo(f"{title}: ready to run, {len(made.tasks)} tasks")
    if made is not None and not as_json and (asked := used_in_words(made.planning_usage)):
        click.echo(asked, err=bool(problems))
    return 3 if problems else 0


def _problems(
    dispatcher: AgentDispatcher,
    source: str,
    output: str | None,
    *,
    allow_partial: bool,
    fresh: bool,
    unsafe_no_sandbox: bool,
    quiet: bool,
) -> tuple[ExecutionPlan | None, tuple[Problem, ...]]:
    """The plan, where there can be one, and the problems. What cannot even be planned is no reason to keep quiet about the rest."""
    from ._plan_source import is_plan_file, load_plan

    try:
        made = load_plan(dispatcher, source, fresh=fresh, quiet=quiet)
    except UsageError:
        raise
    except DispatcherError as error:
        if not is_plan_file(Path(source)):
            return None, dispatcher.problems(error, output=output)
        found = error.problems if isinstance(error, PlanError | SpecificationError) else (Problem(str(error)),)
        return None, tuple(dict.fromkeys([*dispatcher.registry.problems(), *found]))
    problems = dispatcher.problems(
        made, output=output, allow_partial=allow_partial, unsafe_no_sandbox=unsafe_no_sandbox
    )
    return made, problems


@click.command()
@click.argument("source")
@click.option("--dot", is_flag=True, help="Graphviz DOT instead of Mermaid.")
def graph(source: str, dot: bool) -> int:
    """Print the graph of SOURCE: a specification, a plan file, or a run."""
    from ..dispatcher import AgentDispatcher
    from ._plan_source import load_plan

    dispatcher = AgentDispatcher()
    made = load_plan(dispatcher, source) if Path(source).exists() else dispatcher.plan_of(source)
    _print_graph(made, dot=dot)
    return 0


def _print_graph(made: ExecutionPlan, *, dot: bool) -> None:
    from ..planning.execution_graph import ExecutionGraph

    built = ExecutionGraph(made.tasks, made.dependencies, made.gates)
    click.echo(built.to_dot() if dot else built.to_mermaid())
