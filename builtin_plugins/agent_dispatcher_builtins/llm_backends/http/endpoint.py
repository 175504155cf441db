"""One model behind one address: what has to be known to talk to it. Needs no SDK."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from attrs import field, frozen

from agent_dispatcher.extension import LlmRequest

from .failures import Failures
from .limits import Limits

__all__ = ["WANTS_KEY", "Dialect", "Endpoint", "has_version"]

#: Said when a server refuses a request that went without a key.
WANTS_KEY: Final = "the server wants a key: name its environment variable in api_key_env"


class Dialect(Protocol):
    """What is sent to an endpoint. A value: another way to put requests is another dialect."""

    @property
    def structured(self) -> str:
        """How a schema is asked for; with anything but ``json_schema`` it is said in words, and nobody enforces it."""

    def body(self, request: LlmRequest, model: str) -> Mapping[str, Any]:
        """The parameters of a streamed reply."""

    def after(self, complaint: str, request: LlmRequest) -> Dialect | None:
        """What to send instead after the endpoint refused a request with ``complaint``; ``None`` when it is about nothing that can be left out."""


@frozen(kw_only=True)
class Endpoint:
    """One model behind one address.

    Attributes:
        dialect: what is tried first.
        key: ``""`` for none. It is never shown.
        key_hint: where the key comes from, for the message when it is refused.
        path_hint: for the message when nothing is found under the base url, where its path is not the usual one.
        own_server: whether it is that of the SDK's maker: only then what the environment asks the SDK to send is sent.
    """

    base_url: str
    model: str
    limits: Limits
    dialect: Dialect
    key: str = field(default="", repr=False)
    key_hint: str = WANTS_KEY
    own_server: bool = False
    path_hint: str = ""

    @property
    def failures(self) -> Failures:
        """Words for what goes wrong there."""
        return Failures(server=self.base_url, key=self.key, key_hint=self.key_hint, path_hint=self.path_hint)


def has_version(url: str) -> bool:
    """Whether the path of an address names a version of an interface, as most do: ``/v1``, ``/v1beta/openai``."""
    return re.search(r"/v\d", urlsplit(url).path) is not None
