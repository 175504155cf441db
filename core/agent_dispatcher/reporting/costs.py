"""What a run spent on language models, by task, agent and model. An unknown price is said, never counted as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field

from ..models import Event, ExecutionMetrics, ModelCost, ModelUse, RequirementResult, TaskResult

__all__ = ["Costs", "cost_in_words", "spending_in_words", "sum_usd", "total_usd", "usd_in_words", "with_costs"]

_NANO = 1_000_000_000


@define
class _Row:
    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tokens: int = 0
    nano_usd: int = 0
    unpriced: int = 0


@define
class Costs:
    """Folds the events of calls. One that was not settled counts as its worst case, as it does in the budget."""

    _rows: dict[tuple[str, str, str, str, str], _Row] = field(factory=dict)
    _open: dict[str, Event] = field(factory=dict)

    def take(self, event: Event) -> None:
        """Add ``model.reserved`` and ``model.settled``; other events are passed over."""
        if event.type == "model.reserved":
            self._open[str(event.data["call"])] = event
        elif event.type == "model.settled":
            reserved = self._open.pop(str(event.data["call"]), None)
            if reserved is not None:
                self._add(reserved, event.data)

    def rows(self, planning: Iterable[ModelUse] = ()) -> tuple[ModelCost, ...]:
        """A row for each task, agent type, agent, backend and model, in this order; before them what planning took."""
        for event in self._open.values():
            self._add(event, {"error": "unsettled", **event.data})
        self._open.clear()
        found = [
            ModelCost(
                purpose=use.purpose,
                backend=use.backend,
                model=use.model,
                calls=use.calls,
                failed=use.failed,
                input_tokens=use.input_tokens,
                output_tokens=use.output_tokens,
                tokens=use.counted_tokens,
                cost_usd=use.cost_usd,
                unpriced=use.unpriced,
            )
            for use in planning
            if use.calls
        ]
        for (task, agent_type, agent, backend, model), row in sorted(self._rows.items()):
            priced = row.calls - row.unpriced
            found.append(
                ModelCost(
                    task=task,
                    agent_type=agent_type,
                    agent=agent,
                    backend=backend,
                    model=model,
                    calls=row.calls,
                    failed=row.failed,
                    input_tokens=row.input_tokens,
                    output_tokens=row.output_tokens,
                    tokens=row.tokens,
                    cost_usd=row.nano_usd / _NANO if priced else None,
                    unpriced=row.unpriced,
                )
            )
        return tuple(found)

    def _add(self, reserved: Event, data: Mapping[str, Any]) -> None:
        who = reserved.data
        key = (
            reserved.task or "",
            str(who.get("agent_type") or ""),
            str(who.get("agent") or ""),
            str(who.get("backend") or ""),
            str(data.get("model") or ""),
        )
        row = self._rows.setdefault(key, _Row())
        row.calls += 1
        row.failed += bool(data.get("error"))
        row.input_tokens += int(data.get("input_tokens") or 0)
        row.output_tokens += int(data.get("output_tokens") or 0)
        row.tokens += int(data.get("tokens") or 0)
        if data.get("nano_usd") is None:
            row.unpriced += 1
        else:
            row.nano_usd += int(data["nano_usd"])


def with_costs(
    rows: Sequence[ModelCost], tasks: Sequence[TaskResult], requirements: Sequence[RequirementResult]
) -> tuple[tuple[TaskResult, ...], tuple[RequirementResult, ...]]:
    """The results with what was spent on them. A task that serves several requirements counts in full for each of them."""
    if not rows:
        return tuple(tasks), tuple(requirements)
    by_task: dict[str, list[ModelCost]] = {}
    for row in rows:
        by_task.setdefault(row.task, []).append(row)

    def of(names: Iterable[str]) -> dict[str, Any]:
        own = [row for name in names for row in by_task.get(name, ())]
        return {"tokens": sum(row.tokens for row in own), "cost_usd": total_usd(own)}

    return (
        tuple(evolve(task, **of([task.id])) for task in tasks),
        tuple(evolve(requirement, **of(requirement.tasks)) for requirement in requirements),
    )


def total_usd(rows: Iterable[ModelCost]) -> float | None:
    """What the calls of known price cost together; ``None`` when there is none."""
    return sum_usd(row.cost_usd for row in rows)


def sum_usd(amounts: Iterable[float | None]) -> float | None:
    """What is known of the amounts, added up to the nano-dollar; ``None`` when nothing is."""
    known = [round(amount * _NANO) for amount in amounts if amount is not None]
    return sum(known) / _NANO if known else None


def usd_in_words(cost_usd: float | None, unpriced: int) -> str:
    """What is known, and that something is not: ``0.001200 and 2 calls of unknown price``; ``unknown`` when nothing is."""
    if cost_usd is None:
        return "unknown"
    return f"{cost_usd:.6f}" + (f" and {unpriced} calls of unknown price" if unpriced else "")


def cost_in_words(metrics: ExecutionMetrics) -> str:
    """``12,345 tokens, 0.0123 US dollars``; ``""`` when no model was called."""
    if not metrics.tokens and metrics.cost_usd is None and not metrics.unpriced_calls:
        return ""
    tokens = f"{metrics.tokens:,} tokens"
    if metrics.cost_usd is None:
        return f"{tokens}, unknown price"
    if metrics.unpriced_calls:
        return f"{tokens}, {metrics.cost_usd:.4f} US dollars and {metrics.unpriced_calls} calls of unknown price"
    return f"{tokens}, {metrics.cost_usd:.4f} US dollars"


def spending_in_words(metrics: ExecutionMetrics, *, tokens: int, nano_usd: int, unpriced: int) -> str:
    """As :func:`cost_in_words` of a run that goes on: of what counts, so much is only reserved, for calls that are under way."""
    if not tokens:
        return cost_in_words(metrics)
    cost_usd, calls = metrics.cost_usd, metrics.unpriced_calls - unpriced
    if cost_usd is not None:
        cost_usd = max(round(cost_usd * _NANO) - nano_usd, 0) / _NANO
    used = evolve(metrics, tokens=max(metrics.tokens - tokens, 0), cost_usd=cost_usd, unpriced_calls=max(calls, 0))
    more = f"at most {tokens:,} tokens more under way"
    return f"{said}, {more}" if used.tokens and (said := cost_in_words(used)) else f"none, {more}"
