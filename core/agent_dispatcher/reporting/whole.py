"""Checks of the whole tree while a run grew it: each covers the work of all tasks that landed together."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..models import Event, Evidence
from .aggregate import evidence_from_json

__all__ = ["WholeCheck", "whole_checks"]


@frozen(kw_only=True)
class WholeCheck:
    """The suite on one tree.

    Attributes:
        tree: what was checked, before the branch moved to it.
        tasks: ids of the tasks whose work is put together in it.
        evidence: of all of it, not of one of the tasks.
    """

    tree: str
    tasks: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def whole_checks(events: Iterable[Event]) -> tuple[WholeCheck, ...]:
    """In the order in which they were made; none where every landing was checked by itself."""
    return tuple(
        WholeCheck(
            tree=str(event.data.get("tree") or ""),
            tasks=tuple(map(str, event.data.get("tasks") or ())),
            evidence=tuple(evidence_from_json(item) for item in event.data.get("evidence") or ()),
        )
        for event in events
        if event.type == "whole.checked"
    )
