"""Any server that speaks OpenAI's chat completions, through the official SDK."""

from __future__ import annotations

from typing import Final

from agent_dispatcher.extension import Services

from ..http.backend import EndpointBackend, keyed_endpoint, need_sdk
from ..http.endpoint import has_version
from ..options import OPENAI_URL, OpenAIOptions
from .dialect import Dialect

__all__ = ["WIRE", "OpenAIBackend"]

#: The module that brings the SDK.
WIRE: Final = f"{__package__}.wire"


class OpenAIBackend(EndpointBackend):
    """Asks one endpoint."""

    @classmethod
    def open(cls, options: OpenAIOptions, services: Services) -> OpenAIBackend:
        """For the dispatcher.

        Raises:
            Unavailable: the SDK or the key is not there.
        """
        need_sdk("openai", "3", "openai")
        dialect = Dialect.asking(options.structured)
        endpoint = keyed_endpoint(
            options,
            options.base_url,
            dialect,
            services,
            backend="openai",
            maker=OPENAI_URL,
            usual="OPENAI_API_KEY",
            path_hint="" if has_version(options.base_url) else f"did you mean {options.base_url.rstrip('/')}/v1?",
        )
        return cls(endpoint, WIRE, services.log)
