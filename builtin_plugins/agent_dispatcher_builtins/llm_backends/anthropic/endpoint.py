"""One model behind one address: what has to be known to talk to it. Needs no SDK."""

from __future__ import annotations

from attrs import field, frozen

from ..failures import Failures
from ..limits import Limits
from .dialect import Dialect

__all__ = ["Endpoint"]


@frozen(kw_only=True)
class Endpoint:
    """One model behind one address.

    Attributes:
        key: ``""`` for none. It is never shown.
        key_hint: where the key comes from, for the message when it is refused.
        dialect: what is tried first.
        own_server: whether it is Anthropic's own: only then the headers that the environment asks for are sent.
    """

    base_url: str
    model: str
    limits: Limits
    key: str = field(default="", repr=False)
    key_hint: str = ""
    dialect: Dialect = field(factory=Dialect)
    own_server: bool = False

    @property
    def failures(self) -> Failures:
        """Words for what goes wrong there."""
        return Failures(server=self.base_url, key=self.key, key_hint=self.key_hint)
