"""What users may set of the store on SQLite."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, in_

__all__ = ["SqlOptions"]


@frozen(kw_only=True)
class SqlOptions:
    """Attributes:
    synchronous: ``NORMAL`` survives the death of the process, ``FULL`` also a power cut and costs a disk flush per turn.
    busy_timeout_s: how long to wait while another process holds the database.
    lease_s: how long an owner that does not renew its lease keeps it, when nobody can see whether it is alive.
    """

    synchronous: str = field(default="NORMAL", validator=in_(("NORMAL", "FULL")))
    busy_timeout_s: float = field(default=5.0, validator=ge(0.0))
    lease_s: float = field(default=30.0, validator=ge(1.0))
