"""The options of the format, apart so that offering it imports nothing else."""

from __future__ import annotations

from attrs import frozen

__all__ = ["SpecKitOptions"]


@frozen(kw_only=True)
class SpecKitOptions:
    """Options of the format.

    Attributes:
        allow_open_questions: run a feature whose ``spec.md`` still marks something ``[NEEDS CLARIFICATION: ...]``.
    """

    allow_open_questions: bool = False
