"""Explanations for people."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..models import Dropped, Exclusion, Reason, Task, TaskResult
from ..planning.explain import Hop, PairExplanation, SerialExplanation, TaskExplanation
from ..planning.task_names import TaskNames
from ._text import columns, cut, duration, plain, wrapped

__all__ = ["print_pair", "print_serial", "print_task"]

_MANY = 12
_IDLE = 5
_LABEL = 140
_DESCRIPTION = 400
_DROPPED = {
    "redundant": "implied by",
    "cycle": "it would close a cycle with",
    "veto": "vetoed",
    "threshold": "too unsure",
    "parallelism": "it would make the work longer",
}


def print_pair(pair: PairExplanation, names: TaskNames) -> None:
    """Why one waits for the other, or why neither does."""
    before, after = _label(pair.before, names), _label(pair.after, names)
    if pair.relation == "independent":
        _independent(pair, before, after)
    else:
        _waiting(pair, before, after, names)
    for hop in pair.advisory:
        click.echo(
            wrapped(
                f"Advisory: among ready tasks {_short(hop.before, names)} goes before {_short(hop.after, names)} "
                f"(confidence {hop.confidence or 0:.2f}); nobody waits for it.",
                "  ",
            )
        )
        _reasons(hop.reasons, "    ")
    told = pair.direct is not None and pair.direct.implied
    others = [each for each in pair.dropped if not (told and each.kind == "redundant")]
    _dropped(others, names, "Seen between the two, and left out:")
    for text in pair.warnings:
        click.secho(wrapped(f"warning: {text}", "  "), fg="yellow")


def _waiting(pair: PairExplanation, before: str, after: str, names: TaskNames) -> None:
    if pair.relation == "waits":
        click.secho(wrapped(f"{after} waits for {before}", "  ", first=""), bold=True)
    else:
        click.secho(wrapped(f"{after} lands only after {before}", "  ", first=""), bold=True)
        if pair.together:
            click.echo(
                wrapped(
                    "Both may be worked on at the same time: no path leads from one to the start of the other.", "  "
                )
            )
    if len(pair.path) == 1 and pair.direct is not None:
        _hop(pair.direct, names, "  ")
    else:
        click.echo(f"  by way of {len(pair.path)} steps:")
        for number, hop in enumerate(pair.path, 1):
            click.echo(
                wrapped(_sentence(hop, names) + _sure(hop), "       ", first=f"    {number}. ") + _cost(hop, "       ")
            )
            _reasons(hop.reasons, "       ", most=1)
        if pair.direct is not None:
            implied = f"The direct edge is implied ({_path(pair.direct.implied, names)}), and holds by itself if that path goes:"
            click.echo(wrapped(implied, "  "))
            _hop(pair.direct, names, "    ")
    _span(pair)
    _exclusions(pair.exclusions, names)


def _span(pair: PairExplanation) -> None:
    if pair.span_without_s is None:
        if not any(hop.saved_s for hop in pair.path):
            text = f"Cost: taking out one of these steps alone would not shorten the critical path ({duration(pair.span_s)})."
            click.echo(wrapped(text, "  "))
        return
    saved = pair.span_s - pair.span_without_s
    if saved > 0:
        text = (
            f"Cost: without this edge the critical path would take {duration(pair.span_without_s)} instead of {duration(pair.span_s)}: "
            f"{duration(saved)} less."
        )
    elif pair.direct is not None and pair.direct.implied:
        text = (
            f"Cost: none by itself, as the path implies it (critical path {duration(pair.span_s)} with and without it)."
        )
    elif pair.direct is not None and pair.direct.critical:
        text = f"Cost: it lies on a critical path, but another one is as long: {duration(pair.span_s)} with and without it."
    else:
        text = f"Cost: none, the critical path takes {duration(pair.span_s)} with and without it."
    click.echo(wrapped(text, "  "))


def _independent(pair: PairExplanation, before: str, after: str) -> None:
    able = (
        "may run at the same time"
        if pair.together
        else "wait for each other in no order, but never run at the same time"
    )
    if pair.before.children or pair.after.children:
        able = "do not wait for each other"
    click.secho(wrapped(f"{before} and {after} {able}", "  ", first=""), bold=True)
    click.echo(wrapped("No path of binding dependencies leads from one to the other, in either direction.", "  "))
    if pair.exclusions:
        for each in pair.exclusions:
            click.echo(wrapped(f"Both need {each.resource}, so one runs after the other, whichever is first:", "  "))
            _reasons(each.reasons, "    ")
    else:
        click.echo("  No exclusion keeps them apart.")
    if not (pair.advisory or pair.dropped):
        click.echo("  No rule wanted an order between them.")


def print_task(
    about: TaskExplanation,
    names: TaskNames,
    agents: Sequence[tuple[str, str | None]] | None,
    result: TaskResult | None,
) -> None:
    """Everything about one task."""
    task = about.task
    click.secho(wrapped(_label(task, names), "  ", first=""), bold=True)
    facts = [
        ("id", task.id),
        ("in the source", " ".join(filter(None, (task.source_id, task.source)))),
        ("type", task.type.replace("_", " ")),
        ("group", task.group),
        ("part of", _label(about.parent, names) if about.parent is not None else ""),
        ("status", task.status if result is None and task.status != "pending" else ""),
        ("time", _time(about)),
    ]
    for name, value in facts:
        _fact(name, value)
    if result is not None:
        _in_run(result)
    if task.description and task.description != task.title:
        _fact("description", cut(plain(task.description), _DESCRIPTION))
    for requirement in about.requirements:
        place = f" ({requirement.source})" if requirement.source else ""
        _fact("requirement", f"{requirement.id}: {requirement.text}{place}")
    missing = sorted(set(task.requirements) - {each.id for each in about.requirements})
    _fact("requirement", ", ".join(missing))
    _fact("promises", ", ".join(f"{each.type} {each.name}" for each in task.produces))
    _fact("needs", ", ".join(f"{each.type} {each.name}" for each in task.consumes))
    _fact("parts", ", ".join(_short(child, names) for child in task.children))
    _agents(agents)
    _steps("Waits for", about.waits_for, names, other="before")
    if about.also_waits_for:
        listed = ", ".join(_short(hop.before, names) for hop in about.also_waits_for[:_MANY])
        more = f" and {len(about.also_waits_for) - _MANY} more" if len(about.also_waits_for) > _MANY else ""
        click.echo(wrapped(f"also, implied by these: {listed}{more}", "    ", first="  "))
    _steps("Waited for by", about.waited_for_by, names, other="after")
    _exclusions(about.exclusions, names)
    _dropped(about.dropped, names, "Seen, and left out:")
    for text in about.warnings:
        click.secho(wrapped(f"warning: {text}", "  "), fg="yellow")


def _time(about: TaskExplanation) -> str:
    place = f"phase {about.phase}, " if about.phase else ""
    if about.task.children:
        return f"{place}none of its own: it is completed with its parts"
    if about.task.status in ("completed", "skipped", "cancelled"):
        return f"{place}none left: it is {about.task.status}"
    slack = "on the critical path" if about.slack_s == 0 else f"may start {duration(about.slack_s)} later at no cost"
    return f"{place}about {duration(about.task.estimate_s)}, from {duration(about.start_s)} on; {slack}"


def _in_run(result: TaskResult) -> None:
    status = result.status.replace("_", " ")
    tries = f", {result.attempts} attempt{'s' if result.attempts != 1 else ''}" if result.attempts else ""
    agent = f", {result.agent}" if result.agent else ""
    commit = f", commit {result.commit[:12]}" if result.commit else ""
    _fact("in the run", f"{status}{tries}{agent}{commit}")
    for evidence in result.evidence:
        passed = "passed" if evidence.passed else "expected red" if evidence.expected_red else "failed"
        _fact("check", f"{evidence.check} {passed}{f': {evidence.summary}' if evidence.summary else ''}")
    _fact("added by", result.added_by)
    _fact("error", result.error or "")


def _agents(agents: Sequence[tuple[str, str | None]] | None) -> None:
    if agents is None:
        return
    accepting = [name for name, why in agents if why is None]
    if accepting:
        _fact("agent type", accepting[0] + (f" (else {', '.join(accepting[1:])})" if accepting[1:] else ""))
        return
    _fact("agent type", "none accepts it")
    for name, why in agents:
        _fact("", f"{name}: {why}")


def print_serial(serial: SerialExplanation, names: TaskNames) -> None:
    """What keeps the work from being done sooner."""
    click.secho(
        f"The critical path takes {duration(serial.span_s)}, all work one after the other {duration(serial.work_s)}.",
        bold=True,
    )
    if not serial.work_s:
        click.echo("Nothing is left to do, so no edge costs any time.")
        return
    if serial.rules:
        click.echo("\nIf one rule had said nothing:")
        for rule in serial.rules:
            edges = f"{rule.edges} edges that bind" if rule.edges != 1 else "1 edge that binds"
            click.echo(f"  {duration(rule.saved_s):>10} less without the {edges} only by {rule.rule}")
    costly = [hop for hop in serial.edges if hop.saved_s]
    if costly:
        click.echo("\nIf one edge were not there (the weakest evidence first: the ones to question):")
        for hop in costly:
            _costly(hop, names, f"{duration(hop.saved_s)} less")
    idle = [hop for hop in serial.edges if not hop.saved_s]
    if idle:
        click.echo("\nOn a critical path, but alone they cost nothing, as another path is as long:")
        for hop in idle[:_IDLE]:
            _costly(hop, names, "")
        if len(idle) > _IDLE:
            click.echo(f"  … and {len(idle) - _IDLE} more (--json gives all)")
    if not serial.edges:
        click.echo("Nothing waits for anything: the longest task alone decides.")


def _costly(hop: Hop, names: TaskNames, saved: str) -> None:
    sure = f"{hop.confidence:.2f}" if hop.confidence is not None else hop.kind
    click.echo(wrapped(_sentence(hop, names), " " * 20, first=f"  {saved:>10}  {sure:>4}  "))
    _reasons(hop.reasons, " " * 20, most=1)


def _hop(hop: Hop, names: TaskNames, indent: str) -> None:
    if hop.kind == "gate":
        text = f"{_short(hop.before, names)} tests it: a test and what it tests are written at the same time, and the test lands first."
        click.echo(wrapped(text, indent))
    elif hop.kind == "part":
        click.echo(wrapped(f"{_short(hop.before, names)} is a part of it, and it completes with its parts.", indent))
    else:
        click.echo(f"{indent}{hop.strength}{_sure(hop)}")
        _reasons(hop.reasons, indent)


def _sure(hop: Hop) -> str:
    return f", confidence {hop.confidence:.2f}" if hop.confidence is not None else ""


def _cost(hop: Hop, indent: str) -> str:
    return f"\n{indent}costs {duration(hop.saved_s)} on the critical path" if hop.saved_s else ""


def _sentence(hop: Hop, names: TaskNames) -> str:
    verb = {"dependency": "waits for", "gate": "lands after its test", "part": "completes with its part"}[hop.kind]
    if hop.strength == "advisory":
        verb = "rather comes after"
    room = max(24, columns() // 2 - 12)
    return (
        f"{cut(_short(hop.after, names, title=True), room)} {verb} {cut(_short(hop.before, names, title=True), room)}"
    )


def _steps(title: str, hops: Sequence[Hop], names: TaskNames, *, other: str) -> None:
    if not hops:
        return
    click.echo(f"{title}:")
    shown = hops if len(hops) <= _MANY else hops[: _MANY - 2]
    for hop in shown:
        task = hop.before if other == "before" else hop.after
        sort = {"gate": "lands after its test: " if other == "before" else "tests: ", "part": "its part: "}
        kind = "advisory: " if hop.strength == "advisory" else sort.get(hop.kind, "")
        if hop.kind == "part" and other == "after":
            kind = "as a part of: "
        label = cut(_short(task, names, title=True), columns() - 30)
        click.echo(wrapped(f"{kind}{label}{_sure(hop)}", "    ", first="  - "))
        if other == "before":
            _reasons(hop.reasons, "    ", most=2)
    if len(hops) > len(shown):
        click.echo(f"  … and {len(hops) - len(shown)} more (--json gives all)")


def _reasons(reasons: Sequence[Reason], indent: str, most: int | None = None) -> None:
    for reason in reasons[:most]:
        place = f" ({reason.source})" if reason.source else ""
        said = f": {reason.evidence}" if reason.evidence else ""
        text = f"rule {reason.rule} ({reason.kind}, {reason.confidence:.2f}){said}{place}"
        click.echo(wrapped(text, indent + "  ", first=indent))
    if most is not None and len(reasons) > most:
        click.echo(f"{indent}and {len(reasons) - most} more")


def _exclusions(exclusions: Sequence[Exclusion], names: TaskNames) -> None:
    for each in exclusions:
        tasks = ", ".join(_short(task, names) for task in each.tasks[:_MANY])
        more = f" and {len(each.tasks) - _MANY} more" if len(each.tasks) > _MANY else ""
        click.echo(wrapped(f"Never at the same time, because of {each.resource}: {tasks}{more}", "  ", first=""))
        _reasons(each.reasons, "  ", most=1)


def _dropped(dropped: Sequence[Dropped], names: TaskNames, title: str) -> None:
    if not dropped:
        return
    click.echo(f"{title}")
    for each in dropped[:_MANY]:
        said = _path(each.why, names)
        why = f"{_DROPPED.get(each.kind, each.kind)}{f': {said}' if said else ''}"
        text = f"{_short(each.after, names)} behind {_short(each.before, names)}: {why}"
        click.echo(wrapped(text, "    ", first="  - "))
        _reasons(each.reasons, "    ", most=2)
    if len(dropped) > _MANY:
        click.echo(f"  … and {len(dropped) - _MANY} more (--json gives all)")


def _path(why: str, names: TaskNames) -> str:
    """Why an edge was dropped; a path is told with the short names of its tasks."""
    steps = why.split(" → ")
    return " → ".join(names.short_of(step) for step in steps) if len(steps) > 1 else why


def _fact(name: str, value: str) -> None:
    if value:
        click.echo(wrapped(value, " " * 16, first=f"  {name:<14}"))


def _label(task: Task, names: TaskNames) -> str:
    return cut(plain(names.label(task)), _LABEL)


def _short(task_id: str, names: TaskNames, *, title: bool = False) -> str:
    task = names.find(task_id)
    return plain(names.label(task) if title else names.short(task))
