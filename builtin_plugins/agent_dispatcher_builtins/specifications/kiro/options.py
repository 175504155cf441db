"""The options of the format, apart so that offering it imports nothing else."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

__all__ = ["KiroOptions"]


@frozen(kw_only=True)
class KiroOptions:
    """Options of the format.

    Attributes:
        optional: also do the tasks that the list marks with a star as optional.
        order: whether the order of the list is an order of work: ``listed``, ``free``, or ``auto``: as the list's own dialect has it.
        allow_unapproved: run a specification that ``spec.json`` does not call ready.
    """

    optional: bool = field(default=False, metadata={"project": True})
    order: str = field(default="auto", validator=in_(("auto", "listed", "free")), metadata={"project": True})
    allow_unapproved: bool = False
