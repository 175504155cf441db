"""What an agent was told, saw and did, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import asdict

from ..errors import StoreError
from ..models import PlanningCall, WholeCheck
from ..provenance import Account, Call, Command, commands_of
from ..provenance.archive import Place, read_request, read_text
from ._text import columns, cut, duration, plain, wrapped

__all__ = [
    "SAID",
    "planning_to_json",
    "print_planning",
    "print_whole_checks",
    "print_work",
    "whole_checks_to_json",
    "work_to_json",
]

#: Told where there are texts and they were not asked for.
SAID: Final = "--said shows what was asked, answered and printed."

_ENDS = {
    "": "still in progress, or its process ended",
    "sealed": "its work was sealed",
    "landed": "its work landed",
    "rejected": "its work was refused",
    "raised": "the agent raised an error",
    "timeout": "its time was over",
    "lost": "its process ended",
    "declined": "the agent declined",
    "cancelled": "it was cancelled",
}
#: Of the paths of one attempt so many are named, and of what a question of planning was about.
_PATHS = 8


def print_planning(calls: Sequence[PlanningCall], place: Place, *, said: bool) -> None:
    """What planning asked a model about a task.

    Args:
        place: where the texts are.
        said: print them too.
    """
    if not calls:
        return
    click.secho("Planning asked a model about it:", bold=True)
    for number, call in enumerate(calls, 1):
        failed = f"failed ({call.error})" if call.error else "answered"
        vain = "" if call.used or call.error else ", which came to nothing"
        more = f" and {len(call.about) - _PATHS} more" if len(call.about) > _PATHS else ""
        about = f"{', '.join(map(plain, call.about[:_PATHS]))}{more}"
        text = (
            f"asked {plain(call.model or call.backend)} ({plain(call.purpose) or 'no purpose given'}, about {about}): "
            f"{failed}{vain}, {'reused from an earlier plan' if call.reused else f'{call.tokens:,} tokens'}"
        )
        click.echo(wrapped(text, "     ", first=f"  {number}. "))
        if said:
            _texts(_call_of(call), place)


def planning_to_json(calls: Iterable[PlanningCall], place: Place, *, said: bool) -> list[dict[str, Any]]:
    """The same for programs, as :func:`work_to_json` has it."""
    documents = []
    for call in calls:
        document = {**asdict(call), "about": list(call.about)}
        if said:
            document |= _said_of(_call_of(call), place)
        documents.append(document)
    return documents


def _call_of(call: PlanningCall) -> Call:
    return Call(
        number=call.number,
        model=call.model,
        tokens=call.tokens,
        error=call.error,
        request=call.request,
        reply=call.reply,
    )


def print_work(work: Sequence[Account], folder: Path, *, said: bool) -> None:
    """Attempt by attempt.

    Args:
        folder: the run's own.
        said: print the texts too.
    """
    if not work:
        click.echo("Nobody has worked on it.")
    for account in work:
        who = account.agent or account.agent_type
        base = f", from commit {account.base[:12]}" if account.base else ""
        click.secho(wrapped(f"Attempt {account.attempt}, by {who}{base}", "  ", first=""), bold=True)
        for number, done in enumerate(account.did, 1):
            _did(number, done)
            if said:
                _texts(done, folder)
        for granted in (True, False):
            _accesses(account, granted)
        for evidence in account.evidence:
            _check(evidence, folder)
        for word, each in (("wrote", account.paths), ("left out what commands left behind:", account.left_out)):
            paths = ", ".join(each[:_PATHS])
            more = f" and {len(each) - _PATHS} more" if len(each) > _PATHS else ""
            if paths:
                click.echo(wrapped(f"{word} {paths}{more}", "     ", first="  - "))
        commits = f" (commit {', '.join(each[:12] for each in account.commits)})" if account.commits else ""
        why = f": {cut(plain(account.why), 400)}" if account.why else ""
        click.echo(wrapped(f"then {_ENDS.get(account.ended, account.ended)}{commits}{why}", "     ", first="  - "))


def _accesses(account: Account, granted: bool) -> None:
    """What its program was given, or refused, on asking; each thing once."""
    subjects = list(
        dict.fromkeys(f"{each.what} {plain(each.subject)}" for each in account.asked if each.granted == granted)
    )
    if subjects:
        more = f" and {len(subjects) - _PATHS} more" if len(subjects) > _PATHS else ""
        word = "was given" if granted else "was refused"
        click.echo(wrapped(f"{word}: {cut('; '.join(subjects[:_PATHS]), 2 * columns())}{more}", "     ", first="  - "))


def _check(evidence: Mapping[str, Any], folder: Path) -> None:
    verdict = "passed" if evidence.get("passed") else "expected red" if evidence.get("expected_red") else "failed"
    log = f" ({folder / str(evidence['log'])})" if evidence.get("log") else ""
    summary = f": {cut(plain(str(evidence['summary'])), 200)}" if evidence.get("summary") else ""
    click.echo(wrapped(f"check {evidence.get('check')} {verdict}{summary}{log}", "     ", first="  - "))
    for command in commands_of(evidence.get("details") or {}):
        click.echo(wrapped(_run_of(command), "       ", first="     "))


def print_whole_checks(checks: Sequence[WholeCheck], folder: Path) -> None:
    """What was found about the whole with the task's work newly in it.

    Args:
        folder: the run's own.
    """
    for check in checks:
        others = len(check.tasks) - 1
        together = f", together with {others} other task{'s' if others != 1 else ''}" if others else ""
        text = f"The whole with its work in it{together} (tree {plain(check.tree)[:12]})"
        click.secho(wrapped(text, "  ", first=""), bold=True)
        for evidence in check.evidence:
            _check(asdict(evidence), folder)


def whole_checks_to_json(checks: Iterable[WholeCheck]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [{**asdict(check), "tasks": list(check.tasks)} for check in checks]


def work_to_json(work: Iterable[Account], folder: Path, *, said: bool) -> list[dict[str, Any]]:
    """The same for programs; with ``said`` each text stands in the place of its digest, ``null`` where it was not kept."""
    return [{**asdict(account), "did": [_to_json(each, folder, said) for each in account.did]} for account in work]


def _to_json(done: Call | Command, folder: Path, said: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": "call" if isinstance(done, Call) else "command", **asdict(done)}
    if said and isinstance(done, Call):
        document |= _said_of(done, folder)
    elif said and isinstance(done, Command):
        for name, digest in (("stdout", done.stdout), ("stderr", done.stderr)):
            document[name] = "" if digest == "" else _or_none(lambda d=digest: read_text(folder, d or ""))  # type: ignore[misc]
    return document


def _said_of(call: Call, place: Place) -> dict[str, Any]:
    return {
        "request": _or_none(lambda: read_request(place, call.request or "")),
        "reply": _or_none(lambda: json.loads(read_text(place, call.reply or ""))),
    }


def _or_none(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except StoreError:
        return None


def _did(number: int, done: Call | Command) -> None:
    if isinstance(done, Command):
        text = _run_of(done)
    elif done.tokens is None:
        text = f"asked {done.backend} ({done.purpose or 'no purpose given'}): no answer is on record"
    else:
        answer = f"failed ({done.error})" if done.error else "answered"
        text = f"asked {done.model or done.backend} ({done.purpose or 'no purpose given'}): {answer}, {done.tokens:,} tokens, {duration(done.took_s)}"
        if done.tools:
            text = f"{text}; it wants called: {cut(plain(', '.join(done.tools)), 2 * columns())}"
    click.echo(wrapped(text, "     ", first=f"  {number}. "))


def _run_of(done: Command) -> str:
    limit = "broken off" if done.limit_hit == "cancelled" else f"ended by its limit {done.limit_hit}"
    ended = limit if done.limit_hit else f"exit code {done.code}"
    return f"ran {cut(plain(' '.join(done.argv)), 2 * columns())}: {ended}, {duration(done.took_s)}"


def _texts(done: Call | Command, folder: Place) -> None:
    try:
        if isinstance(done, Command):
            for name, digest in (("stdout", done.stdout), ("stderr", done.stderr)):
                if digest != "":
                    _text(name, read_text(folder, digest) if digest else None)
            return
        request = read_request(folder, done.request) if done.request else None
        for message in request["messages"] if request else ():
            calls = "".join(f"\ncalls {each['name']} {each['arguments']}" for each in message.get("tool_calls") or ())
            _text(message["role"], f"{message['content']}{calls}")
        if request is None:
            _text("question", None)
        if done.reply is not None:
            reply = json.loads(read_text(folder, done.reply))
            calls = "".join(f"\ncalls {each['name']} {each['arguments']}" for each in reply.get("tool_calls") or ())
            _text("answer", f"{reply.get('text', '')}{calls}")
        elif done.tokens is not None and not done.error:
            _text("answer", None)
    except StoreError as error:
        click.secho(wrapped(str(error), "     "), fg="yellow")


def _text(name: str, text: str | None) -> None:
    """A text line by line, so that no line of it can be taken for one of this page."""
    if text is None:
        click.echo(f"     {name}: it was not kept")
        return
    click.echo(f"     {name}:")
    for line in text.splitlines():
        click.echo(f"     | {''.join(each for each in line if each.isprintable() or each == chr(9))}")
