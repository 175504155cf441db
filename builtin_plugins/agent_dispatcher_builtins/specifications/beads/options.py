"""What can be configured of the format."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["BeadsOptions"]


@frozen(kw_only=True)
class BeadsOptions:
    """Options of the format.

    Attributes:
        closed: plan closed issues too (as completed tasks); ``False`` keeps only those that an open issue belongs to or waits for.
    """

    closed: bool = field(default=True, metadata={"project": True})
