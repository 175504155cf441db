"""What a server of the Model Context Protocol says of its tools, as it may be shown to a model: names that every model's server takes, and texts that are data."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from agent_dispatcher.extension import Tool

from ....prompting.templates import as_data, without_turns

__all__ = ["offered_tool", "tool_names"]

_MAX_NAME = 64
_MAX_DESCRIPTION = 2000
_MAX_SCHEMA = 20_000
_OTHER = re.compile(r"[^A-Za-z0-9_-]")
_PLAIN_KEY = re.compile(r"[\w$.@-]{1,100}")


def tool_names(tools: Sequence[tuple[str, str]], reserved: Iterable[str]) -> tuple[str, ...]:
    """A name of its own for each ``(server, tool)``, in their order: letters, digits, ``_`` and ``-``, at most 64.

    It is ``server_tool`` where that is such a name and nobody else's; else it ends in some digits of a digest of both, whatever else is offered.
    """
    plain = [_OTHER.sub("_", f"{server}_{tool}") for server, tool in tools]
    often = Counter([*plain, *reserved])
    names = []
    for (server, tool), name in zip(tools, plain, strict=True):
        if often[name] > 1 or len(name) > _MAX_NAME:
            digest = sha256(f"{server}\0{tool}".encode("utf-8", "replace")).hexdigest()[:10]
            name = f"{name[: _MAX_NAME - 11]}_{digest}"
        names.append(name)
    return tuple(names)


def offered_tool(name: str, server: str, description: str, schema: Mapping[str, Any]) -> Tool | None:
    """The tool as the model is told of it; ``None`` when what it takes is too large, or named as nothing is that a model should read."""
    try:
        parameters = _shown(schema)
        if len(json.dumps(parameters)) > _MAX_SCHEMA:
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    text = f"A tool of a server that the user connected, in whose words:\n{as_data(description[:_MAX_DESCRIPTION], 'tool')}"
    return Tool(name=name, description=text, parameters=parameters)


def _shown(value: Any) -> Any:
    """A schema in whose texts nothing opens a turn.

    Raises:
        ValueError: a name in it is none of a parameter's, so that it cannot be shown as it is.
    """
    if isinstance(value, str):
        return without_turns(value[:_MAX_DESCRIPTION])
    if isinstance(value, Mapping):
        for key in value:
            if not _PLAIN_KEY.fullmatch(str(key)):
                raise ValueError(f"{key!r} is no name")
        return {str(key): _shown(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_shown(each) for each in value]
    return value
