"""What can be configured of the format."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["FinalizedOptions"]


@frozen(kw_only=True)
class FinalizedOptions:
    """Options of the format.

    Attributes:
        force: take a specification that is not ready; its blockers become warnings.
    """

    force: bool = field(default=False)
