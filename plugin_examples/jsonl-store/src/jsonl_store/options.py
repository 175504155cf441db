"""What users may set of the store."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

__all__ = ["JsonlOptions"]


@frozen(kw_only=True)
class JsonlOptions:
    """Attributes:
    sync: wait for the disk at every append, so that a power cut loses nothing either.
    lease_s: seconds an owner on another machine may be silent before the run is taken from it.
    """

    sync: bool = False
    lease_s: float = field(default=30.0, validator=ge(1.0))
