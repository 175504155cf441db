"""What can be configured of the format."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["TaskMasterOptions"]


@frozen(kw_only=True)
class TaskMasterOptions:
    """Options of the format.

    Attributes:
        tag: the tag whose tasks are read; ``""`` for the one the project is set to.
    """

    tag: str = field(default="", metadata={"project": True})
