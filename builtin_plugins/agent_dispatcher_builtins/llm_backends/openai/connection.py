"""OpenAI's SDK for one endpoint. Imported when the first call is made: it brings the SDK."""

from __future__ import annotations

import openai

from ..connection import make_http
from .endpoint import Endpoint

__all__ = ["make_client"]


def make_client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client of the SDK that makes each call once."""
    unasked: tuple[str, ...] = () if endpoint.key else ("Authorization",)
    if not endpoint.own_server:  # the SDK takes these from the environment
        unasked += ("OpenAI-Organization", "OpenAI-Project")
    http = make_http(endpoint.base_url, endpoint.limits, endpoint.failures, unasked)
    return openai.AsyncOpenAI(
        api_key=endpoint.key or "none", base_url=endpoint.base_url, max_retries=0, http_client=http
    )
