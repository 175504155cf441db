"""What was done at each attempt of a task, folded from the record of its run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from ..models import Event

__all__ = ["Access", "Account", "Call", "Command", "accounts", "attempt_of_commit", "commands_of"]

_NANO = 1_000_000_000


@frozen(kw_only=True)
class Call:
    """A question to a language model.

    Attributes:
        number: of the call in the run.
        tokens: what it counts as in the budget; ``None`` while there is no answer on record.
        cost_usd: in US dollars; ``None`` when no price is known, or there is no answer on record.
        tools: names of the tools that the answer wants called.
        error: the sort of its failure, ``""`` without one.
        request, reply: digests of what was said; ``None`` when it was not kept.
    """

    number: str
    purpose: str = ""
    backend: str = ""
    model: str = ""
    tokens: int | None = None
    cost_usd: float | None = None
    took_s: float = 0.0
    error: str = ""
    tools: tuple[str, ...] = ()
    request: str | None = None
    reply: str | None = None


@frozen(kw_only=True)
class Command:
    """Something that was run in the sandbox.

    Attributes:
        argv: its words; long ones are cut.
        limit_hit: the limit that ended it.
        stdout, stderr: digests of what it wrote; ``""`` for nothing, ``None`` when it was not kept.
    """

    argv: tuple[str, ...]
    code: int
    took_s: float = 0.0
    limit_hit: str | None = None
    stdout: str | None = ""
    stderr: str | None = ""


@frozen(kw_only=True)
class Access:
    """Something that a program which works for an agent asked the dispatcher for.

    Attributes:
        what: ``permission``, ``read`` or ``write``.
        subject: in the program's words.
    """

    what: str
    subject: str
    granted: bool


@define(kw_only=True)
class Account:
    """One attempt.

    Attributes:
        base: the commit it began from.
        did: calls and commands in the order of their beginnings and ends.
        asked: what a program that works for the agent asked the dispatcher for, in order.
        ended: ``sealed``, ``landed``, ``rejected`` or why it failed; ``""`` while it goes on.
        why: what was said about the end: the summary of sealed work, the reason of a refusal or failure.
        paths: of the files that are its work.
        left_out: paths of files that its commands made or changed, which are no part of it.
        commits: of the sealed work, and what it landed as.
        evidence: data of the checks, in their order.
    """

    task: str
    attempt: int
    agent_type: str = ""
    agent: str = ""
    base: str = ""
    did: list[Call | Command] = field(factory=list)
    asked: list[Access] = field(factory=list)
    ended: str = ""
    why: str = ""
    paths: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    commits: list[str] = field(factory=list)
    evidence: list[dict[str, Any]] = field(factory=list)

    @property
    def calls(self) -> list[Call]:
        """What the agent asked a model."""
        return [one for one in self.did if isinstance(one, Call)]

    @property
    def commands(self) -> list[Command]:
        """What it ran."""
        return [one for one in self.did if isinstance(one, Command)]


def commands_of(details: Mapping[str, Any]) -> list[Command]:
    """What a check ran, by the details of its evidence; a check may have put something of its own there, which is passed over."""
    listed = details.get("commands")
    return [
        _command(each)
        for each in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(each, Mapping) and isinstance(each.get("argv"), (list, tuple))
    ]


def _command(data: Mapping[str, Any]) -> Command:
    return Command(
        argv=tuple(map(str, data.get("argv") or ())),
        code=int(data.get("code", 0)),
        took_s=float(data.get("took_s") or 0.0),
        limit_hit=data.get("limit_hit"),
        stdout=data.get("stdout"),
        stderr=data.get("stderr"),
    )


def accounts(events: Iterable[Event]) -> dict[tuple[str, int], Account]:
    """Task and attempt to what was done there, in the order of their beginnings."""
    found: dict[tuple[str, int], Account] = {}
    places: dict[str, tuple[Account, int]] = {}
    for event in events:
        if event.task is None or event.attempt is None:
            continue
        key = (event.task, event.attempt)
        account = found.get(key)
        if account is None:
            account = found[key] = Account(task=event.task, attempt=event.attempt)
        _take(account, event, places)
    return found


def _take(account: Account, event: Event, places: dict[str, tuple[Account, int]]) -> None:
    data = event.data
    match event.type:
        case "attempt.started":
            account.agent_type, account.agent = str(data.get("agent_type", "")), str(data.get("agent", ""))
            account.base = str(data.get("base", ""))
        case "model.reserved":
            number = str(data["call"])
            places[number] = (account, len(account.did))
            account.did.append(_asked(number, data))
        case "model.settled":
            place = places.pop(str(data["call"]), None)
            if place is not None:
                there, index = place
                asked = there.did[index]
                assert isinstance(asked, Call)
                there.did[index] = _answered(asked, data)
        case "command.ran":
            account.did.append(_command(data))
        case "access.asked":
            subject, granted = str(data.get("subject") or ""), bool(data.get("granted"))
            account.asked.append(Access(what=str(data.get("what") or ""), subject=subject, granted=granted))
        case "attempt.sealed":
            change = data.get("change") or {}
            account.ended, account.why = "sealed", str(data.get("summary") or "")
            account.paths = tuple(change.get("paths") or ())
            account.left_out = tuple(data.get("left_out") or ())
            _commit(account, change.get("commit"))
        case "attempt.checked":
            account.evidence += data.get("evidence") or ()
        case "attempt.landed":
            account.ended = "landed"
            _commit(account, data.get("commit"))
        case "attempt.rejected":
            account.ended, account.why = "rejected", str(data.get("why") or "")
        case "attempt.failed":
            account.ended, account.why = str(data.get("reason") or "failed"), str(data.get("error") or "")


def _asked(number: str, data: dict[str, Any]) -> Call:
    return Call(
        number=number,
        purpose=str(data.get("purpose") or ""),
        backend=str(data.get("backend") or ""),
        request=data.get("request"),
    )


def _answered(asked: Call, data: dict[str, Any]) -> Call:
    nano_usd = data.get("nano_usd")
    return evolve(
        asked,
        model=str(data.get("model") or ""),
        tokens=int(data.get("tokens") or 0),
        cost_usd=None if nano_usd is None else int(nano_usd) / _NANO,
        took_s=float(data.get("took_s") or 0.0),
        error=str(data.get("error") or ""),
        tools=tuple(map(str, data.get("tools") or ())),
        reply=data.get("reply"),
    )


def _commit(account: Account, commit: str | None) -> None:
    if commit and commit not in account.commits:
        account.commits.append(commit)


def attempt_of_commit(events: Iterable[Event], commit: str) -> tuple[str, int] | None:
    """The task and attempt whose work a commit is, sealed or landed; ``None`` when the run has none of that name, or several begin with it."""
    wanted = commit.lower()
    if len(wanted) < 4:
        return None
    found = {
        key: True
        for key, account in accounts(events).items()
        if any(each.startswith(wanted) for each in account.commits)
    }
    return next(iter(found)) if len(found) == 1 else None
