"""From the refinement stage's output to a specification."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import asdict

from ..errors import Problem, SpecificationError
from ..models import PRIORITIES, FinalizedSpecification, Requirement, Specification

__all__ = ["blockers", "specification_from_finalized"]


def blockers(finalized: FinalizedSpecification) -> tuple[str, ...]:
    """What speaks against dispatching it; empty when nothing does."""
    found = []
    if not finalized.ready_for_dispatch:
        found.append("ready_for_dispatch is false")
    if not finalized.complete_requirement_set:
        found.append("complete_requirement_set is false")
    if not finalized.requirements:
        found.append("it has no requirements")
    for name, items in (
        ("edge case", finalized.resolved_edge_cases),
        ("contradiction", finalized.resolved_contradictions),
    ):
        found.extend(f"{name} {_text(item)!r} is not resolved" for item in items if item.get("resolved") is False)
    return tuple(found)


def specification_from_finalized(finalized: FinalizedSpecification, *, force: bool = False) -> Specification:
    """Its requirements, with edge cases and resolved contradictions attached to the requirement each relates to.

    Raises:
        SpecificationError: it is not ready, with every blocker; not raised when ``force`` is set.
    """
    found = blockers(finalized)
    if found and not force:
        raise SpecificationError(
            [Problem(blocker) for blocker in found], "the finalized specification is not ready for dispatch:"
        )
    requirements = tuple(
        _requirement(number, item, finalized) for number, item in enumerate(finalized.requirements, start=1)
    )
    title = finalized.refinement_session_id or "finalized specification"
    canonical = json.dumps(asdict(finalized), sort_keys=True, default=str).encode()
    return Specification(
        id=re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "specification",
        title=title,
        format="finalized",
        digest=f"sha256:{hashlib.sha256(canonical).hexdigest()}",
        requirements=requirements,
        tags=tuple(str(tag) for tag in finalized.tags),
    )


def _requirement(number: int, item: Mapping[str, Any], finalized: FinalizedSpecification) -> Requirement:
    requirement_id = str(item.get("id") or f"R{number}")
    names = {requirement_id, _text(item)}
    priority = str(item.get("priority") or "medium").lower()
    return Requirement(
        id=requirement_id,
        text=_text(item),
        priority=priority if priority in PRIORITIES else "medium",
        edge_cases=tuple(
            f"{_text(case)}: {case.get('handling') or case.get('resolution') or ''}".rstrip(": ")
            for case in finalized.resolved_edge_cases
            if case.get("related_requirement") in names
        ),
        constraints=tuple(
            f"{_text(case)}: {case.get('resolution') or ''}".rstrip(": ")
            for case in finalized.resolved_contradictions
            if case.get("related_requirement") in names
        ),
    )


def _text(item: Mapping[str, Any]) -> str:
    return str(item.get("content") or item.get("description") or item.get("text") or "")
