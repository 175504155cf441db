"""One model behind one address: what has to be known to talk to it. Needs no SDK."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from ..options import ServerOptions
from .dialect import Dialect
from .failures import Failures

__all__ = ["WANTS_KEY", "Endpoint", "Limits"]

#: Said when a server refuses a request that went without a key.
WANTS_KEY: Final = "the server wants a key: name its environment variable in api_key_env"


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


@frozen(kw_only=True)
class Endpoint:
    """One model behind one address.

    Attributes:
        key: ``""`` for none. It is never shown.
        key_hint: where the key comes from, for the message when it is refused.
        dialect: what is tried first.
        own_server: whether it is OpenAI's own: only then organization and project of the environment are sent.
    """

    base_url: str
    model: str
    limits: Limits
    key: str = field(default="", repr=False)
    key_hint: str = WANTS_KEY
    dialect: Dialect = field(factory=Dialect)
    own_server: bool = False

    @property
    def failures(self) -> Failures:
        """Words for what goes wrong there."""
        return Failures(server=self.base_url, key=self.key, key_hint=self.key_hint)
