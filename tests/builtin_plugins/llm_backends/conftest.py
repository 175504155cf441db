"""A backend ``openai`` for a model server on loopback."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher.config import Config
from agent_dispatcher.extension import LlmReply, LlmRequest, Services
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.testing import ModelServer
from agent_dispatcher_builtins.llm_backends.anthropic.backend import AnthropicBackend
from agent_dispatcher_builtins.llm_backends.openai.backend import OpenAIBackend
from agent_dispatcher_builtins.llm_backends.options import AnthropicOptions, OpenAIOptions

Ask = Callable[..., LlmReply]
Connect = Callable[..., LlmBackend]


@pytest.fixture
def connect() -> Connect:
    """``connect(server, **options)``: the backend for it."""

    def make(server: ModelServer, **options: Any) -> LlmBackend:
        options = {"model": "asked-model", "base_url": server.base_url, **options}
        services = Services(log=logging.getLogger("test-backend"), data_dir=Path(), config=Config())
        return OpenAIBackend.open(OpenAIOptions(**options), services)

    return make


@pytest.fixture
def connect_anthropic() -> Connect:
    """``connect_anthropic(server, **options)``: the backend ``anthropic`` for it."""

    def make(server: ModelServer, **options: Any) -> LlmBackend:
        options = {"model": "asked-model", "base_url": server.origin, **options}
        services = Services(log=logging.getLogger("test-backend"), data_dir=Path(), config=Config())
        return AnthropicBackend.open(AnthropicOptions(**options), services)

    return make


@frozen
class Dialect:
    """A backend that asks a server through an SDK: its name, what it calls a reply, where it sends its requests."""

    name: str
    noun: str
    connect: Connect
    path: str


@pytest.fixture(params=["openai", "anthropic"])
def dialect(request: pytest.FixtureRequest, connect: Connect, connect_anthropic: Connect) -> Dialect:
    """Each of the two, for what both promise."""
    if request.param == "openai":
        return Dialect("openai", "chat completion", connect, "/v1/chat/completions")
    return Dialect("anthropic", "message", connect_anthropic, "/v1/messages")


@pytest.fixture
def ask() -> Ask:
    """``ask(backend, text, **more)``: the reply, from an event loop of its own."""

    def put(backend: LlmBackend, text: str = "Why?", **more: Any) -> LlmReply:
        return asyncio.run(backend.complete(LlmRequest.of(text, **more)))

    return put


@pytest.fixture(scope="session")
def model_file() -> Path:
    """A real model: ``nox -s local_model`` names it in ``LOCAL_MODEL``."""
    path = os.environ.get("LOCAL_MODEL")
    if not path:
        pytest.skip("LOCAL_MODEL names no model file: nox -s local_model brings one")
    return Path(path)
