"""The options of the format, apart so that offering it imports nothing else."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

__all__ = ["OpenSpecOptions"]


@frozen(kw_only=True)
class OpenSpecOptions:
    """Options of the format.

    Attributes:
        change: name of the change that is meant where a source holds several; ``""``: then it must hold exactly one.
        order: what the place in the list means where tasks and sections say nothing about order: ``groups`` (each group waits for the one before it),
            ``listed`` (each task waits for all before it) or ``free`` (nothing).
    """

    change: str = field(default="", metadata={"project": True})
    order: str = field(default="groups", validator=in_(("groups", "listed", "free")), metadata={"project": True})
