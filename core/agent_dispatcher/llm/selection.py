"""Which model answers: the one a program passed in, else the one that ``[use] llm`` names, else none. None is chosen unasked."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from ..config import Config
from ..extension.components import LlmBackend
from ..extension.registry import Components, Registry
from .plain_function import PlainFunction

__all__ = ["CLIENT", "ActiveBackend", "active_backend"]

#: Name of the backend that a program passed in.
CLIENT: Final = "llm_client"


@frozen
class ActiveBackend:
    """The backend in use and its name."""

    name: str
    backend: LlmBackend


def active_backend(config: Config, registry: Registry, components: Components) -> ActiveBackend | None:
    """The backend in use; it is created by ``components`` when it is a plugin's.

    Raises:
        PluginError: nobody offers the configured name, or it cannot work here.
        ConfigError: its options are refused.
    """
    client = config.llm_client
    if client is not None:
        return ActiveBackend(CLIENT, client if config.metered_llm() else PlainFunction(client))
    name = registry.one("llm")
    return ActiveBackend(name, components.get("llm", name)) if name is not None else None
