"""The options of the format, apart so that offering it imports nothing else."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["OpenSpecOptions"]


@frozen(kw_only=True)
class OpenSpecOptions:
    """Options of the format.

    Attributes:
        change: name of the change that is meant where a source holds several; ``""``: then it must hold exactly one.
    """

    change: str = field(default="", metadata={"project": True})
