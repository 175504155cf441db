"""Any server that speaks Anthropic's messages, through the official SDK."""

from __future__ import annotations

from typing import Final

from agent_dispatcher.extension import Services

from ..http.backend import EndpointBackend, keyed_endpoint, need_sdk
from ..options import ANTHROPIC_URL, AnthropicOptions
from .dialect import Dialect

__all__ = ["WIRE", "AnthropicBackend"]

#: The module that brings the SDK.
WIRE: Final = f"{__package__}.wire"


class AnthropicBackend(EndpointBackend):
    """Asks one endpoint."""

    @classmethod
    def open(cls, options: AnthropicOptions, services: Services) -> AnthropicBackend:
        """For the dispatcher.

        Raises:
            Unavailable: the SDK or the key is not there.
        """
        need_sdk("anthropic", "2", "anthropic")
        dialect = Dialect.asking(options.structured)
        maker, usual, url = ANTHROPIC_URL, "ANTHROPIC_API_KEY", options.base_url.rstrip("/")
        endpoint = keyed_endpoint(
            options,
            options.base_url,
            dialect,
            services,
            backend="anthropic",
            maker=maker,
            usual=usual,
            path_hint=f"did you mean {url.removesuffix('/v1')}?" if url.endswith("/v1") else "",
        )
        return cls(endpoint, WIRE, services.log)
