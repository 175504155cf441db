"""The specification as the refinement stage before this one hands it over."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

__all__ = ["FinalizedSpecification"]


@frozen(kw_only=True)
class FinalizedSpecification:
    """The output of a refinement session.

    Attributes:
        requirements: dicts with ``content`` (or ``description``), ``priority``, ``confidence``, maybe ``id``.
        resolved_edge_cases: dicts with ``description``, ``handling``, ``related_requirement``, ``resolved``.
        resolved_contradictions: dicts with ``description``, ``resolution``, ``resolved``.
        complete_requirement_set: whether the session calls the requirements complete.
        ready_for_dispatch: whether it was approved; one that is not is refused unless forced.
    """

    requirements: list[dict[str, Any]] = field(factory=list)
    resolved_edge_cases: list[dict[str, Any]] = field(factory=list)
    resolved_contradictions: list[dict[str, Any]] = field(factory=list)
    complete_requirement_set: bool = True
    confidence_score: float = 1.0
    approval_timestamp: str | None = None
    refinement_session_id: str = ""
    total_iterations: int = 0
    user_acceptance_rate: float = 1.0
    ready_for_dispatch: bool = True
    tags: list[str] = field(factory=list)
