"""What was asked of models and run for each task, as rows of the page. Long texts are not among them: a command is named that shows them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from agent_dispatcher.models import Event, ExecutionPlan, PlanningCall, Task
from agent_dispatcher.planning.model_calls import calls_about
from agent_dispatcher.provenance import Account, Call, Command, accounts
from agent_dispatcher.reporting.costs import sum_usd

from .text import clean, line, money, number, seconds
from .words import Badge

__all__ = ["Deed", "Provenance", "Work", "Works"]

#: So many deeds of one attempt stand on the page, the first and the last of them.
_MOST = 100


@frozen(kw_only=True)
class Deed:
    """A question to a model, or a command.

    Attributes:
        command: ``what`` is a command, to be shown as such.
        digests: of what was said, or printed: what is called how.
    """

    number: int
    command: bool
    what: str
    purpose: str
    tools: str
    badge: Badge
    tokens: str
    cost: str
    time: str
    digests: tuple[tuple[str, str], ...] = ()


@frozen(kw_only=True)
class Work:
    """What was done in one attempt, or while planning."""

    name: str
    sums: str
    base: str
    deeds: tuple[Deed, ...]
    left_out: int = 0
    commits: tuple[str, ...] = ()


@frozen(kw_only=True)
class Provenance:
    """All of one task; ``command`` shows the texts."""

    works: tuple[Work, ...]
    command: str


class Works:
    """Makes the provenance of each task.

    Args:
        run: its id.
        events: of the tasks that are shown.
    """

    def __init__(self, run: str, plan: ExecutionPlan, events: Iterable[Event]) -> None:
        self._run = run
        self._planning = plan.planning_calls
        self._by_task: dict[str, list[Account]] = {}
        for account in accounts(events).values():
            if account.did:
                self._by_task.setdefault(account.task, []).append(account)

    def of(self, task: Task) -> Provenance | None:
        """``None`` where nobody asked and ran anything."""
        works = [_attempt(account) for account in self._by_task.get(task.id, ())]
        asked = calls_about(task, self._planning) if self._planning else ()
        if asked:
            works.insert(0, _planning(asked))
        if not works:
            return None
        words = ("agent-dispatcher", "explain", clean(self._run), clean(task.id), "--said")
        return Provenance(works=tuple(works), command=shlex.join(words))


def _attempt(account: Account) -> Work:
    shown, left_out = _some([_deed(place, done) for place, done in enumerate(account.did, 1)])
    return Work(
        name=f"Attempt {account.attempt}",
        sums=_sums(account.calls, len(account.commands)),
        base=line(account.base, 64),
        deeds=shown,
        left_out=left_out,
        commits=tuple(line(commit, 64) for commit in account.commits),
    )


def _planning(calls: Sequence[PlanningCall]) -> Work:
    shown, left_out = _some([_planned(place, call) for place, call in enumerate(calls, 1)])
    return Work(name="Planning", sums=_sums(calls, 0), base="", deeds=shown, left_out=left_out)


def _some(deeds: Sequence[Deed]) -> tuple[tuple[Deed, ...], int]:
    if len(deeds) <= _MOST:
        return tuple(deeds), 0
    half = _MOST // 2
    return (*deeds[:half], *deeds[-half:]), len(deeds) - _MOST


def _deed(place: int, done: Call | Command) -> Deed:
    if isinstance(done, Command):
        broken_off = "broken off" if done.limit_hit == "cancelled" else f"limit: {line(done.limit_hit or '', 30)}"
        word = broken_off if done.limit_hit else f"exit code {done.code}"
        good = not done.limit_hit and done.code == 0
        return Deed(
            number=place,
            command=True,
            what=line(shlex.join(map(clean, done.argv)), 300),
            purpose="",
            tools="",
            badge=Badge(word, "✓" if good else "✗", "good" if good else "bad"),
            tokens="",
            cost="",
            time=seconds(done.took_s),
            digests=_digests(("output", done.stdout), ("errors", done.stderr)),
        )
    return Deed(
        number=place,
        command=False,
        what=line(done.model or done.backend, 80),
        purpose=line(done.purpose, 60),
        tools=_tools(done.tools),
        badge=Badge("no answer on record", "◐", "warn") if done.tokens is None else _answer(done.error),
        tokens="" if done.tokens is None else number(done.tokens),
        cost="" if done.tokens is None else _cost(done.cost_usd),
        time="" if done.tokens is None else seconds(done.took_s),
        digests=_digests(("question", done.request), ("answer", done.reply)),
    )


def _planned(place: int, call: PlanningCall) -> Deed:
    in_vain = not call.used and not call.error
    return Deed(
        number=place,
        command=False,
        what=line(call.model or call.backend, 80),
        purpose=line(call.purpose, 60),
        tools="",
        badge=Badge("came to nothing", "○", "plain") if in_vain else _answered(call),
        tokens=number(call.tokens),
        cost=_cost(call.cost_usd),
        time="",
        digests=_digests(("question", call.request), ("answer", call.reply)),
    )


def _answered(call: PlanningCall) -> Badge:
    return Badge("reused", "↺", "plain") if call.reused else _answer(call.error)


def _answer(error: str) -> Badge:
    return Badge(f"failed ({line(error, 30)})", "✗", "bad") if error else Badge("answered", "✓", "good")


def _tools(names: Sequence[str]) -> str:
    """Each once, with how often it was wanted."""
    counted = Counter(line(name, 60) for name in names)
    return ", ".join(f"{name} ({times} times)" if times > 1 else name for name, times in counted.items())


def _digests(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((what, line(digest.removeprefix("sha256:"), 64)) for what, digest in pairs if digest)


def _cost(usd: float | None) -> str:
    return "unknown" if usd is None else money(usd)


def _sums(calls: Sequence[Call | PlanningCall], commands: int) -> str:
    """``3 questions to a model, 4,210 tokens, $0.0123; 2 commands``."""
    parts = []
    if calls:
        asked = f"{len(calls)} questions" if len(calls) > 1 else "1 question"
        known, unknown = sum_usd(call.cost_usd for call in calls), sum(call.cost_usd is None for call in calls)
        cost = [money(known)] if known is not None else []
        cost += [f"{unknown} of unknown price" if cost else "price unknown"] if unknown else []
        parts.append(
            ", ".join([f"{asked} to a model", f"{number(sum(call.tokens or 0 for call in calls))} tokens", *cost])
        )
    if commands:
        parts.append(f"{commands} commands" if commands > 1 else "1 command")
    return "; ".join(parts)
