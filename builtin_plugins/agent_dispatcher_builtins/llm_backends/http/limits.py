"""How long a backend waits for its server, and how much it reads."""

from __future__ import annotations

from attrs import frozen

from ..options import ServerOptions

__all__ = ["Limits"]


@frozen(kw_only=True)
class Limits:
    """Seconds: until the connection stands, until the first piece of the reply, between two pieces, altogether; and bytes of a reply."""

    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float
    max_reply_bytes: int

    @classmethod
    def of(cls, options: ServerOptions) -> Limits:
        """As configured."""
        return cls(
            connect_s=options.connect_s,
            first_byte_s=options.first_byte_s,
            idle_s=options.idle_s,
            total_s=options.total_s,
            max_reply_bytes=options.max_reply_bytes,
        )
